/*@answer
cause: NO REACTOR
found: plain
en: Starts the executor and forgets the reactor: it was entered by main, and
en: that is another thread.
fr: Lance l'exécuteur et oublie le réacteur : c'est main qui y est entré, et
fr: main est un autre thread.
*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    rv_block_on(executor, &self->inbox.future);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/
