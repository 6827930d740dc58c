/*@answer
cause: DATA RACE
found: plain
en: Leaves the waker in the inbox and wakes with it after the unlock: the inbox
en: task may be writing it.
fr: Laisse le waker dans la boîte et s'en sert après avoir rendu le verrou : la
fr: tâche de la boîte est peut-être en train de l'écrire.
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

    pthread_mutex_lock(&inbox->lock);
    lesson_expect(inbox->count < MAX_FUTURES, "inbox full");
    inbox->futures[inbox->count++] = future;
    pthread_mutex_unlock(&inbox->lock);
    rv_waker_wake(&inbox->waker);
}
/*@end 8.1*/
