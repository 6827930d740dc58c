/*@answer
cause: BLOCKS THE OTHERS
todo: 18.1
found: plain
en: sem_wait() until there is room: the thread sleeps, and with it the consumer,
en: which is one of its tasks.
fr: sem_wait() jusqu'à ce qu'il y ait de la place : c'est le thread qui dort, et
fr: avec lui le consommateur, qui est une de ses tâches.
*/

/*@region 18.1*/
#include <semaphore.h>

struct spsc {
    unsigned long capacity;  /* 1 to MOST */
    atomic_ulong head, tail; /* popped and pushed so far; both only grow */
    sem_t room;              /* slots that are free */
    struct wake_door filled; /* of the consumer: it was empty */
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    sem_init(&self->room, 0, (unsigned)capacity);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    const unsigned long tail = atomic_load(&self->tail);

    sem_wait(&self->room);
    self->slots[tail % self->capacity] = value;
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
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    sem_post(&self->room);
    return value;
}
/*@end 18.2*/
