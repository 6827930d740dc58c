/*@answer
cause: LOST WAKE
kind: handed over, not woken
found: case inbox
en: Puts the future into the inbox and is done. As long as the executor looks
en: there for another reason nobody notices.
fr: Met la future dans la boîte, et c'est tout. Tant que l'exécuteur y regarde
fr: pour une autre raison, cela ne se voit pas.
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
}
/*@end 8.1*/
