/*@answer
en: A lock and a count instead of two atomic indices; each end unparks after it
en: has let go of the lock.
fr: Un verrou et un compte au lieu de deux indices atomiques ; chaque bout
fr: réveille l'autre après avoir rendu le verrou.
*/
/*@region 18.1*/
struct spsc {
    pthread_mutex_t lock;
    unsigned long capacity, count, next;
    struct wake_door room, filled;
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    pthread_mutex_init(&self->lock, NULL);
    door_init(&self->room);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    pthread_mutex_lock(&self->lock);
    while (self->count == self->capacity) {
        pthread_mutex_unlock(&self->lock);
        door_park(&self->room);
        pthread_mutex_lock(&self->lock);
    }
    self->slots[(self->next + self->count++) % self->capacity] = value;
    pthread_mutex_unlock(&self->lock);
    door_unpark(&self->filled);
}
/*@end 18.1*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    int value;

    pthread_mutex_lock(&self->lock);
    while (self->count == 0) {
        pthread_mutex_unlock(&self->lock);
        door_park(&self->filled);
        pthread_mutex_lock(&self->lock);
    }
    value = self->slots[self->next++ % self->capacity];
    self->count--;
    pthread_mutex_unlock(&self->lock);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
