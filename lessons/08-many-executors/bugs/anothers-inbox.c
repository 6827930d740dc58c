/*@answer
cause: WRONG OWNER
kind: another inbox
found: plain
en: Each thread runs the inbox task of the first executor.
fr: Chaque thread fait tourner la tâche de boîte du premier exécuteur.
*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    rv_reactor_enter(self->reactor);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    rv_block_on(executor, &executors[0].inbox.future);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/
