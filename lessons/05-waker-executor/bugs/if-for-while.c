/*@answer
cause: SPURIOUS WAKEUP
found: case spurious
en: `if` for `while`: pthread_cond_wait() may return without a signal, and then
en: park() returns without a permit.
fr: `if` au lieu de `while` : pthread_cond_wait() peut revenir sans signal, et
fr: park() revient alors sans jeton.
*/

/*@region 5.4*/
struct parker {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool permit; /* left by unpark(), taken by park() */
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
    lesson_log_park(self->permit);
    if (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->permit = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}
/*@end 5.4*/
