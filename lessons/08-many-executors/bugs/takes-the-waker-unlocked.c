/*@answer
cause: DATA RACE
found: plain
en: Holds the lock for the queue only, and takes the waker out behind it: the
en: inbox task may store its own at this moment.
fr: Ne tient le verrou que pour la file, et retire le waker ensuite : la tâche
fr: de la boîte y met peut-être le sien en ce moment.
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
    struct inbox *inbox = &executor->inbox;
    struct rv_waker waker;

    pthread_mutex_lock(&inbox->lock);
    lesson_expect(inbox->count < MAX_FUTURES, "inbox full");
    inbox->futures[inbox->count++] = future;
    pthread_mutex_unlock(&inbox->lock);
    waker = rv_waker_take(&inbox->waker);
    rv_waker_wake_and_drop(&waker);
}
/*@end 8.1*/
