/*@answer
cause: NEVER RELEASED
kind: the executor
found: plain
en: The thread ends, and its executor is not freed.
fr: Le thread finit sans libérer son exécuteur.
*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    rv_reactor_enter(self->reactor);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    rv_block_on(executor, &self->inbox.future);
    return NULL;
}
/*@end 8.3*/
