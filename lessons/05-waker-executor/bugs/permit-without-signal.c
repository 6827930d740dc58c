/*@answer
cause: LOST WAKE
kind: did not end the sleep
found: plain
en: The permit is left, and nobody tells the thread that sleeps.
fr: Le jeton est déposé, et personne ne le dit au thread qui dort.
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
    while (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->permit = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    pthread_mutex_unlock(&self->lock);
}
/*@end 5.4*/
