/*@answer
cause: DEADLOCK
kind: asleep with a lock
found: plain
todo: 18.1
en: A lock around the whole push, and around the whole pop: the sleeper has it.
fr: Un verrou autour de tout le push, et autour de tout le pop : c'est celui qui
fr: dort qui l'a.
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

static pthread_mutex_t big = PTHREAD_MUTEX_INITIALIZER;

static void spsc_push(struct spsc *self, int value)
{
    const unsigned long tail = atomic_load(&self->tail);

    pthread_mutex_lock(&big);
    while (tail - atomic_load(&self->head) == self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store(&self->tail, tail + 1);
    door_unpark(&self->filled);
    pthread_mutex_unlock(&big);
}
/*@end 18.1*/

/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    pthread_mutex_lock(&big);
    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    door_unpark(&self->room);
    pthread_mutex_unlock(&big);
    return value;
}
/*@end 18.2*/
