/*@answer
cause: LOST WAKE
kind: came before the sleep
found: sweep
en: Signals the condition and keeps nothing. Who signals before the other waits
en: has said nothing.
fr: Signale la condition et ne garde rien. Signaler avant que l'autre attende,
fr: c'est ne rien avoir dit.
*/

/*@region 5.4*/
struct parker {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool permit;
};

static void parker_init(struct parker *self)
{
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->unparked, NULL);
    self->permit = false;
}

static void park(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    lesson_log_park(false);
    pthread_cond_wait(&self->unparked, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}
/*@end 5.4*/
