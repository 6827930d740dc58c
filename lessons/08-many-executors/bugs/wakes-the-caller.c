/*@answer
cause: LOST WAKE
kind: wrong queue
found: case between
en: Wakes the inbox task of the thread that calls, which a thread-local
en: variable knows. From main it works, for main has none and takes the right
en: one.
fr: Réveille la tâche de la boîte du thread qui appelle, connue d'une variable
fr: locale au thread. Depuis main cela marche : main n'en a pas et prend la
fr: bonne.
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
};

static _Thread_local struct inbox *current_inbox;

static void spawn_on(struct executor *executor, struct rv_future *future)
{
    struct inbox *inbox = &executor->inbox;
    struct inbox *current = current_inbox ? current_inbox : inbox;
    struct rv_waker waker;

    pthread_mutex_lock(&inbox->lock);
    inbox->futures[inbox->count++] = future;
    pthread_mutex_unlock(&inbox->lock);
    pthread_mutex_lock(&current->lock);
    waker = rv_waker_clone(&current->waker);
    pthread_mutex_unlock(&current->lock);
    rv_waker_wake_and_drop(&waker);
}
/*@end 8.1*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    current_inbox = &self->inbox;
    rv_reactor_enter(self->reactor);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    rv_block_on(executor, &self->inbox.future);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/
