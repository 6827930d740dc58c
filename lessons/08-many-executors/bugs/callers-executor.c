/*@answer
cause: UNBALANCED LOAD
found: plain
en: Spawns on the executor of the thread that calls: the one that the thread-
en: local variable knows. Everything works, on one thread.
fr: Lance sur l'exécuteur du thread qui appelle, celui que connaît la variable
fr: locale au thread. Tout marche, sur un seul thread.
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

static void spawn_on(struct executor *executor, struct rv_future *future)
{
    (void)executor;
    rv_spawn(rv_executor_current(), future, NULL);
}
/*@end 8.1*/
