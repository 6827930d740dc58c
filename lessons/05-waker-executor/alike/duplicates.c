/*@answer
en: The queue takes the same id twice; there is room for 1,024.
fr: La file accepte deux fois le même numéro ; elle a 1 024 emplacements.
*/

/*@region 5.1*/
struct ready_queue {
    pthread_mutex_t lock;
    size_t task_ids[1024];
    size_t count;
};

static void ready_queue_init(struct ready_queue *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->count = 0;
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    pthread_mutex_lock(&self->lock);
    lesson_expect(self->count < 1024, "the ready queue is full");
    self->task_ids[self->count++] = task_id;
    figures.wakes++;
    pthread_mutex_unlock(&self->lock);
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    bool found;

    pthread_mutex_lock(&self->lock);
    found = self->count > 0;
    if (found) {
        *task_id = self->task_ids[0];
        memmove(self->task_ids, self->task_ids + 1,
                --self->count * sizeof(*task_id));
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
/*@end 5.1*/
