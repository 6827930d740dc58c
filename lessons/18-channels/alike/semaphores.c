/*@answer
en: Two semaphores count the places and the values; whoever finds none sleeps
en: at the door.
fr: Deux sémaphores comptent les places et les valeurs ; qui n'en trouve pas
fr: dort à la porte.
*/

/*@region 18.1*/
#include <semaphore.h>
struct spsc {
    unsigned long capacity, in, out;
    sem_t places, values;
    struct wake_door room, filled;
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    sem_init(&self->places, 0, (unsigned)capacity);
    sem_init(&self->values, 0, 0);
    door_init(&self->room);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    while (sem_trywait(&self->places) != 0)
        door_park(&self->room);
    self->slots[self->in++ % self->capacity] = value;
    sem_post(&self->values);
    door_unpark(&self->filled);
}
/*@end 18.1*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    int value;

    while (sem_trywait(&self->values) != 0)
        door_park(&self->filled);
    value = self->slots[self->out++ % self->capacity];
    sem_post(&self->places);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
