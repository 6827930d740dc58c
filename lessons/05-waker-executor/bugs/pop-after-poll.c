/*@answer
cause: LOST WAKE
kind: came during the poll
found: case finish
en: Leaves the id in the queue until its poll is over. A wake during the poll
en: finds the id there, adds nothing, and the id is removed after that.
fr: Laisse le numéro dans la file jusqu'à la fin du sondage. Un réveil pendant
fr: le sondage le trouve là, n'ajoute rien, puis le numéro est retiré.
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

static bool first_ready(struct ready_queue *self, size_t *task_id)
{
    bool found;

    pthread_mutex_lock(&self->lock);
    found = self->count > 0;
    if (found)
        *task_id = self->task_ids[0];
    pthread_mutex_unlock(&self->lock);
    return found;
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

/*@region 5.3*/
static void run_ready_tasks(void)
{
    size_t task_id;

    while (first_ready(&executor.ready_queue, &task_id)) {
        struct future *task = get_future(task_id);
        const struct waker waker = get_waker(task_id);

        if (task) {
            figures.polls++;
            if (task->poll(task, &waker) == NOT_READY)
                insert_task(task_id, task);
        }
        pop_ready(&executor.ready_queue, &task_id);
    }
}

static void block_on(struct future *future)
{
    spawn(future);
    for (;;) {
        run_ready_tasks();
        if (task_count() == 0)
            break;
        park(&executor.parker);
    }
    lesson_log("All tasks finished");
}
/*@end 5.3*/
