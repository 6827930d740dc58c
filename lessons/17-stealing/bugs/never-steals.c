/*@answer
cause: UNBALANCED LOAD
kind: not stolen
found: case finds
en: Own deque, then the injector. The result is right, and one worker does all
en: of it.
fr: Sa propre deque, puis l'injecteur. Le résultat est juste, et un seul worker
fr: fait tout.
*/
/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_pop(&self->deque);

    (void)deque_steal;
    return task ? task : injector_take();
}
/*@end 17.2*/
