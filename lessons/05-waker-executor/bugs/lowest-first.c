/*@answer
cause: STARVATION
found: case fair
en: One flag for each task, looked for from 0 on: task 0 always comes first.
fr: Un drapeau par tâche, cherché à partir de 0 : la tâche 0 passe toujours
fr: avant.
*/

/*@region 5.1*/
struct ready_queue {
    atomic_bool ready[MAX_TASKS];
};

static void ready_queue_init(struct ready_queue *self)
{
    for (size_t i = 0; i < MAX_TASKS; i++)
        self->ready[i] = false;
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    if (!atomic_exchange(&self->ready[task_id], true))
        figures.wakes++;
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    for (size_t i = 0; i < MAX_TASKS; i++) {
        if (atomic_exchange(&self->ready[i], false)) {
            *task_id = i;
            return true;
        }
    }
    return false;
}
/*@end 5.1*/
