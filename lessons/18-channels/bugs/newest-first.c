/*@answer
cause: WRONG ORDER
found: plain
en: Takes the newest value: a stack is no channel.
fr: Prend la valeur la plus récente : une pile n'est pas un canal.
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
    self->slots[tail - atomic_load(&self->head)] = value;
    atomic_store(&self->tail, tail + 1);
    door_unpark(&self->filled);
}
/*@end 18.1*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    value = self->slots[atomic_load(&self->tail) - head - 1];
    atomic_store(&self->head, head + 1);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
