/*@answer
cause: DATA RACE
kind: no order
found: case threads
en: Moves the tail with memory_order_relaxed, "as it is atomic". Nothing says
en: then that the value is seen before it.
fr: Avance le tail avec memory_order_relaxed, « puisqu'il est atomique ». Rien
fr: ne dit alors que la valeur est vue avant lui.
*/

/*@region 18.1*/
struct spsc {
    unsigned long capacity;  /* 1 to MOST */
    atomic_ulong head, tail; /* popped and pushed so far; both only grow */
    struct wake_door room;   /* of the producer: the channel was full */
    struct wake_door filled; /* of the consumer: it was empty */
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    door_init(&self->room);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    const unsigned long tail = atomic_load(&self->tail);

    while (tail - atomic_load_explicit(&self->head, memory_order_relaxed) ==
           self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store_explicit(&self->tail, tail + 1, memory_order_relaxed);
    door_unpark(&self->filled);
}
/*@end 18.1*/
