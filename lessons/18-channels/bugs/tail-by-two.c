/*@answer
cause: WRONG COUNT
found: plain
en: Moves `tail` by two: each push shows a value that nobody has pushed.
fr: Avance `tail` de deux : chaque push montre une valeur que personne n'a
fr: déposée.
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
    atomic_store(&self->tail, tail + 2);
    door_unpark(&self->filled);
}
/*@end 18.1*/
