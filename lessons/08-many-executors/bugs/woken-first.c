/*@answer
cause: LOST WAKE
kind: woken before it was there
found: sweep
en: Wakes first, so that the thread has time to get up while the future is put
en: into the inbox. If it is quicker, it finds nothing.
fr: Réveille d'abord, pour que le thread ait le temps de se lever pendant que
fr: la future est mise dans la boîte. S'il est plus rapide, il ne trouve rien.
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
    waker = rv_waker_take(&inbox->waker);
    pthread_mutex_unlock(&inbox->lock);
    rv_waker_wake_and_drop(&waker);
    pthread_mutex_lock(&inbox->lock);
    inbox->futures[inbox->count++] = future;
    pthread_mutex_unlock(&inbox->lock);
}
/*@end 8.1*/
