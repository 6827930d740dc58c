/*@answer
cause: DEADLOCK
kind: no need to wait
found: case values
todo: 18.1
en: The ring buffer of many textbooks: indices from 0 to capacity - 1, full when
en: the next one is the head. It holds one value less than it has slots, and
en: with one slot none.
fr: Le tampon circulaire de bien des manuels : des indices de 0 à capacité - 1,
fr: plein quand le suivant est le head. Il contient une valeur de moins qu'il
fr: n'a d'emplacements, et avec un seul emplacement, aucune.
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

    while ((tail + 1) % self->capacity == atomic_load(&self->head))
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store(&self->tail, (tail + 1) % self->capacity);
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
    atomic_store(&self->head, (head + 1) % self->capacity);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
