/*@answer
cause: WRONG THREAD
kind: spawned from outside
found: plain
en: Calls rv_spawn() for the other executor, from this thread. The executor
en: has no lock: its tables belong to its own thread.
fr: Appelle rv_spawn() pour l'autre exécuteur, depuis ce thread-ci.
fr: L'exécuteur n'a pas de verrou : ses tables sont à son propre thread.
*/

/*@region 8.1*/
struct inbox {
    struct rv_future future; /* the task that empties it: its executor's */
    pthread_mutex_t lock;
    struct rv_future *futures[MAX_FUTURES]; /* lock held, as the rest */
    size_t count;
    bool closed;
    struct rv_waker waker; /* of the task that empties it */
};

struct executor {
    char name[24];              /* set before its thread starts */
    struct rv_reactor *reactor; /* as well: the same one for all */
    struct inbox inbox;         /* any thread */
    pthread_t thread;           /* main */
    struct rv_executor *_Atomic tasks;
};

static void spawn_on(struct executor *executor, struct rv_future *future)
{
    while (!executor->tasks)
        sched_yield();
    rv_spawn(executor->tasks, future, NULL);
}
/*@end 8.1*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    rv_reactor_enter(self->reactor);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    self->tasks = executor;
    rv_block_on(executor, &self->inbox.future);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/
