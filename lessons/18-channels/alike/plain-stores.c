/*@answer
en: `tail = n` of an atomic variable is an atomic_store().
fr: `tail = n` sur une variable atomique est un atomic_store().
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
    self->slots[tail % self->capacity] = value;
    self->tail = tail + 1;
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
    value = self->slots[head % self->capacity];
    self->head = head + 1;
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
