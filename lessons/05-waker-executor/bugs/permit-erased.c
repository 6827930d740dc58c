/*@answer
cause: LOST WAKE
kind: came before the sleep
found: sweep
en: Has a permit, and throws it away before it looks: "I start afresh". The
en: unpark that came a moment ago is forgotten.
fr: A un jeton et le jette avant de regarder : « je repars de zéro ». L'unpark
fr: venu l'instant d'avant est oublié.
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
    self->permit = false;
    lesson_log_park(self->permit);
    while (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
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
