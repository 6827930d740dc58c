/*@answer
en: Takes the whole queue in one go and polls what it has taken; who is woken
en: meanwhile comes in the next round. And unpark() signals without the lock.
fr: Prend toute la file d'un coup et sonde ce qu'elle a pris ; qui est réveillé
fr: entre-temps passe au tour suivant. Et unpark() signale sans le verrou.
*/

/*@region 5.1*/
struct ready_queue {
    pthread_mutex_t lock;
    bool woken[MAX_TASKS];
    bool taken[MAX_TASKS];
    size_t next;
};

static void ready_queue_init(struct ready_queue *self)
{
    memset(self, 0, sizeof(*self));
    self->next = MAX_TASKS;
    pthread_mutex_init(&self->lock, NULL);
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    pthread_mutex_lock(&self->lock);
    self->woken[task_id] = true;
    pthread_mutex_unlock(&self->lock);
}

static bool take(struct ready_queue *self, size_t *task_id)
{
    while (self->next < MAX_TASKS) {
        *task_id = self->next++;
        if (self->taken[*task_id])
            return true;
    }
    return false;
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    if (take(self, task_id))
        return true;
    pthread_mutex_lock(&self->lock);
    memcpy(self->taken, self->woken, sizeof self->taken);
    memset(self->woken, 0, sizeof self->woken);
    pthread_mutex_unlock(&self->lock);
    self->next = 0;
    return take(self, task_id);
}
/*@end 5.1*/

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
    pthread_cond_signal(&self->unparked);
}
/*@end 5.4*/
