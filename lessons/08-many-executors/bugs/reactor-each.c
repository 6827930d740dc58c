/*@answer
cause: TOO MANY
kind: reactors
found: plain
en: Starts a whole runtime on each thread, reactor included: twelve threads
en: that sleep in epoll_wait, where one would do.
fr: Lance un runtime entier par thread, réacteur compris : douze threads qui
fr: dorment dans epoll_wait, là où un seul suffit.
*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_runtime *runtime;

    lesson_name_thread(self->name);
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    rv_runtime_block_on(runtime, &self->inbox.future);
    rv_runtime_stop(runtime);
    return NULL;
}
/*@end 8.3*/
