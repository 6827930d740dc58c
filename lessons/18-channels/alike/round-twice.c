/*@answer
en: Indices from 0 to twice the capacity: full and empty differ, and no slot
en: stays unused.
fr: Des indices de 0 à deux fois la capacité : plein et vide diffèrent, et aucun
fr: emplacement ne reste inutilisé.
*/

/*@region 18.1*/
struct spsc {
    unsigned capacity;
    atomic_uint head, tail; /* 0 to 2 * capacity - 1 */
    struct wake_door room, filled;
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = (unsigned)capacity};
    door_init(&self->room);
    door_init(&self->filled);
}

static unsigned spsc_count(unsigned head, unsigned tail, unsigned capacity)
{
    return (tail + 2 * capacity - head) % (2 * capacity);
}

static void spsc_push(struct spsc *self, int value)
{
    const unsigned tail = self->tail;

    while (spsc_count(self->head, tail, self->capacity) == self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    self->tail = (tail + 1) % (2 * self->capacity);
    door_unpark(&self->filled);
}
/*@end 18.1*/

/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned head = self->head;
    int value;

    while (spsc_count(head, self->tail, self->capacity) == 0)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    self->head = (head + 1) % (2 * self->capacity);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
