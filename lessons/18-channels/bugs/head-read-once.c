/*@answer
cause: DEADLOCK
kind: no need to wait
found: plain
en: Reads the consumer's index once, before the loop: woken, it finds the old
en: one and sleeps again.
fr: Lit l'indice du consommateur une seule fois, avant la boucle : réveillée,
fr: elle retrouve l'ancien et se rendort.
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
    const unsigned long head = atomic_load(&self->head);

    while (tail - head == self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store(&self->tail, tail + 1);
    door_unpark(&self->filled);
}
/*@end 18.1*/
