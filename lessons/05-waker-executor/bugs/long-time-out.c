/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: figures
en: A time-out of five seconds "to be on the safe side". It is never over in a
en: run, but without work the thread wakes up all day long.
fr: Un délai de cinq secondes « par sécurité ». Il n'expire jamais pendant un
fr: essai, mais sans travail le thread se réveille à longueur de journée.
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
    while (!self->permit) {
        struct timespec end;

        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 5;
        pthread_cond_timedwait(&self->unparked, &self->lock, &end);
    }
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
