/*@answer
cause: WRONG SLOT
found: plain
en: The index goes round the array, which has room for the largest channel; pop
en: goes round this one.
fr: L'indice fait le tour du tableau, prévu pour le plus grand canal ; pop fait
fr: le tour de celui-ci.
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

    while (tail - atomic_load(&self->head) == self->capacity)
        door_park(&self->room);
    self->slots[tail % MOST] = value;
    atomic_store(&self->tail, tail + 1);
    door_unpark(&self->filled);
}
/*@end 18.1*/
