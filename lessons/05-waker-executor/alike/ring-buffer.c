/*@answer
en: A ring buffer with a flag for each task id, in place of the array that
en: moves.
fr: Un tampon circulaire et un drapeau par numéro de tâche, au lieu du tableau
fr: que l'on décale.
*/

/*@region 5.1*/
struct ready_queue {
    pthread_mutex_t lock;
    size_t ring[MAX_TASKS];
    unsigned head;
    unsigned tail;
    bool queued[MAX_TASKS];
};

static void ready_queue_init(struct ready_queue *self)
{
    memset(self, 0, sizeof(*self));
    pthread_mutex_init(&self->lock, NULL);
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    pthread_mutex_lock(&self->lock);
    if (!self->queued[task_id]) {
        self->queued[task_id] = true;
        self->ring[self->tail++ % MAX_TASKS] = task_id;
        figures.wakes++;
    }
    pthread_mutex_unlock(&self->lock);
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    bool found = false;

    pthread_mutex_lock(&self->lock);
    if (self->head != self->tail) {
        *task_id = self->ring[self->head++ % MAX_TASKS];
        self->queued[*task_id] = false;
        found = true;
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
/*@end 5.1*/
