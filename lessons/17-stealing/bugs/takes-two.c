/*@answer
cause: FORGOTTEN TASK
found: case finds
en: Steals a second task beside its own, and returns one.
fr: Vole une deuxième tâche en plus de la sienne, et n'en renvoie qu'une.
*/

/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_pop(&self->deque);

    if (!task)
        task = injector_take();
    for (int i = 1; i < worker_count && !task; i++)
        task = deque_steal(&workers[(self->number + i) % worker_count].deque);
    if (task && deque_steal(&workers[(self->number + 1) % worker_count].deque))
        return task;
    return task;
}
/*@end 17.2*/
