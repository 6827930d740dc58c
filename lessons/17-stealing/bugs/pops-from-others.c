/*@answer
cause: WRONG THREAD
found: plain
en: Takes from the others with deque_pop(): two owners at one bottom end.
fr: Prend chez les autres avec deque_pop() : deux propriétaires au même bout.
*/
/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_pop(&self->deque);

    if (!task)
        task = injector_take();
    for (int i = 1; i < worker_count && !task; i++)
        task = deque_pop(&workers[(self->number + i) % worker_count].deque);
    return task;
}
/*@end 17.2*/
