/*@answer
cause: STARVATION
found: case fair
en: Push and pop at the same end of an array, as the slides do. A task that
en: keeps being woken never lets another one have its turn.
fr: Ajoute et retire au même bout d'un tableau, comme sur les diapositives. Une
fr: tâche réveillée sans cesse ne laisse jamais son tour à une autre.
*/

/*@region 5.1*/
struct ready_queue {
    pthread_mutex_t lock;
    size_t task_ids[MAX_TASKS]; /* each at most once: there is always room */
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
    bool found;

    pthread_mutex_lock(&self->lock);
    found = self->count > 0;
    if (found) {
        *task_id = self->task_ids[--self->count];
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
/*@end 5.1*/
