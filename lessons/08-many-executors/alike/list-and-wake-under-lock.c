/*@answer
en: A linked list, and the wake with the lock held; the waker stays in the
en: inbox. Slower, for the executor that gets up waits for the lock; and
en: right.
fr: Une liste chaînée, et le réveil verrou tenu ; le waker reste dans la
fr: boîte. Plus lent, car l'exécuteur qui se lève attend le verrou ; et juste.
*/

/*@region 8.1*/
struct message {
    struct rv_future *future;
    struct message *next;
};

struct inbox {
    struct rv_future future; /* the task that empties it: its executor's */
    pthread_mutex_t lock;
    struct message *first; /* lock held, as the rest */
    struct message **last;
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
    struct message *message = malloc(sizeof(*message));

    if (!message)
        abort();
    message->future = future;
    message->next = NULL;
    pthread_mutex_lock(&inbox->lock);
    *inbox->last = message;
    inbox->last = &message->next;
    rv_waker_wake(&inbox->waker);
    pthread_mutex_unlock(&inbox->lock);
}
/*@end 8.1*/

/*@region 8.2*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    bool closed;

    pthread_mutex_lock(&self->lock);
    rv_waker_store(&self->waker, &cx->waker);
    while (self->first) {
        struct message *message = self->first;

        self->first = message->next;
        rv_spawn(cx->executor, message->future, NULL);
        free(message);
    }
    self->last = &self->first;
    closed = self->closed;
    pthread_mutex_unlock(&self->lock);
    return closed ? RV_READY : RV_PENDING;
}

/* For main, at the end: the inbox task will be READY. */
static void inbox_close(struct inbox *self)
{
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    rv_waker_wake(&self->waker); /* nothing, if there is no waker */
    pthread_mutex_unlock(&self->lock);
}

static void inbox_init(struct inbox *self)
{
    static const struct rv_future_ops ops = {.name = "inbox",
                                             .poll = inbox_poll};

    rv_future_init(&self->future, &ops);
    pthread_mutex_init(&self->lock, NULL);
    self->last = &self->first;
}

static void inbox_fini(struct inbox *self)
{
    rv_waker_drop(&self->waker);
}
/*@end 8.2*/
