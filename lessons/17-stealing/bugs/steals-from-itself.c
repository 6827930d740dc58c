/*@answer
cause: WRONG TASK
found: case finds
en: Takes its own tasks with deque_steal() too: the oldest first, and the deque
en: grows.
fr: Prend aussi ses propres tâches avec deque_steal() : la plus ancienne
fr: d'abord, et la deque grandit.
*/
/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_steal(&self->deque);
    (void)deque_pop;

    if (!task)
        task = injector_take();
    for (int i = 1; i < worker_count && !task; i++)
        task = deque_steal(&workers[(self->number + i) % worker_count].deque);
    return task;
}
/*@end 17.2*/
