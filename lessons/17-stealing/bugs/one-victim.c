/*@answer
cause: UNBALANCED LOAD
kind: not stolen
found: case finds
en: Always the same victim: an idle worker beside a full deque.
fr: Toujours la même victime : un worker désœuvré à côté d'une deque pleine.
*/
/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_pop(&self->deque);

    if (!task)
        task = injector_take();
    if (!task && self->number > 0)
        task = deque_steal(&workers[0].deque);
    return task;
}
/*@end 17.2*/
