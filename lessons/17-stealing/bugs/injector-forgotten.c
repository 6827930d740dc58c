/*@answer
cause: FORGOTTEN TASK
found: case finds
en: Looks into all deques, and not into the injector: the root never begins.
fr: Regarde dans toutes les deques, et pas dans l'injecteur : la racine ne
fr: commence jamais.
*/
/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_pop(&self->deque);

    for (int i = 1; i < worker_count && !task; i++)
        task = deque_steal(&workers[(self->number + i) % worker_count].deque);
    return task;
}
/*@end 17.2*/
