/*@answer
en: Release and acquire instead of the strictest order: the lock of the door
en: orders the rest.
fr: Release et acquire au lieu de l'ordre le plus strict : le verrou de la porte
fr: ordonne le reste.
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
    const unsigned long tail =
        atomic_load_explicit(&self->tail, memory_order_relaxed);

    while (tail - atomic_load_explicit(&self->head, memory_order_acquire) ==
           self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store_explicit(&self->tail, tail + 1, memory_order_release);
    door_unpark(&self->filled);
}
/*@end 18.1*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head =
        atomic_load_explicit(&self->head, memory_order_relaxed);
    int value;

    while (atomic_load_explicit(&self->tail, memory_order_acquire) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    atomic_store_explicit(&self->head, head + 1, memory_order_release);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
