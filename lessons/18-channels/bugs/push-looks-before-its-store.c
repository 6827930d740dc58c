/*@answer
cause: DEADLOCK
kind: push wakes nobody
found: sweep
en: Knocks only if the channel was empty, and looks before its store: the
en: consumer may have emptied it in between, and gone to sleep.
fr: Ne frappe que si le canal était vide, et regarde avant son écriture : entre
fr: les deux, le consommateur a pu le vider et s'endormir.
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
    unsigned long head;

    while (tail - (head = atomic_load(&self->head)) == self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store(&self->tail, tail + 1);
    if (head == tail)
        door_unpark(&self->filled);
}
/*@end 18.1*/
