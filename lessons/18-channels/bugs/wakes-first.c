/*@answer
cause: LOST WAKE
kind: woken too early
found: sweep
en: Wakes the consumer, and shows the value after that. In between it has looked
en: and sleeps again.
fr: Réveille le consommateur, et montre la valeur ensuite. Entre les deux, il a
fr: regardé et s'est rendormi.
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
    door_unpark(&self->filled);
    atomic_store(&self->tail, tail + 1);
}
/*@end 18.1*/
