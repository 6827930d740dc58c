/*@answer
cause: FORGOTTEN TASK
kind: not taken out
found: plain
en: Each id is marked when it is pushed, so that it is queued once; nothing ever
    removes the mark, and the second push is lost.
fr: Chaque numéro est marqué à l'ajout, pour n'être qu'une fois dans la file ;
    rien n'ôte la marque, et le second ajout est perdu.
*/

/*@region 5.1*/
struct ready_queue {
    pthread_mutex_t lock;
    bool queued[MAX_TASKS];
    size_t task_ids[MAX_TASKS];
    size_t first, count;
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
        self->task_ids[(self->first + self->count++) % MAX_TASKS] = task_id;
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
        *task_id = self->task_ids[self->first];
        self->first = (self->first + 1) % MAX_TASKS;
        self->count--;
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
/*@end 5.1*/
