/*@answer
cause: READ TOO EARLY
kind: shown too early
found: sweep
en: Shows the value first, and writes it then. On another thread the consumer
en: reads the slot in between.
fr: Montre d'abord la valeur, et l'écrit ensuite. Sur un autre thread, le
fr: consommateur lit l'emplacement entre les deux.
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
    atomic_store(&self->tail, tail + 1);
    self->slots[tail % self->capacity] = value;
    door_unpark(&self->filled);
}
/*@end 18.1*/
