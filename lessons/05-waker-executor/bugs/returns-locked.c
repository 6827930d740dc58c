/*@answer
cause: DEADLOCK
found: plain
en: The way out for an empty queue does not release the lock. The bell waits
en: for it in push_ready(), and so does the next look into the queue.
fr: La sortie pour une file vide ne rend pas le verrou. La cloche l'attend dans
fr: push_ready(), et le prochain regard dans la file aussi.
*/
/*@region 5.1*/
struct ready_queue {
    pthread_mutex_t lock;
    size_t task_ids[MAX_TASKS]; /* each at most once: there is room */
    size_t count;
};

static void ready_queue_init(struct ready_queue *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->count = 0;
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    size_t i = 0;

    pthread_mutex_lock(&self->lock);
    while (i < self->count && self->task_ids[i] != task_id)
        i++;
    if (i == self->count) {
        self->task_ids[self->count++] = task_id;
        figures.wakes++;
    }
    pthread_mutex_unlock(&self->lock);
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    pthread_mutex_lock(&self->lock);
    if (self->count == 0)
        return false;
    *task_id = self->task_ids[0];
    self->count--;
    memmove(self->task_ids, self->task_ids + 1, self->count * sizeof(size_t));
    pthread_mutex_unlock(&self->lock);
    return true;
}
/*@end 5.1*/
