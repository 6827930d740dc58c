/*@answer
cause: LOST TIMER
kind: refused
found: case fire
en: Arms for the span from now to the deadline. When that has just passed, the
en: span is negative, and timerfd_settime() refuses it.
fr: Arme pour la durée d'ici à l'échéance. Si elle vient de passer, la durée est
fr: négative, et timerfd_settime() la refuse.
*/

/*@region 9.1*/
struct timer {
    struct rv_future future;
    int64_t deadline_ns;   /* absolute, CLOCK_MONOTONIC */
    struct heap_node node; /* in the heap while it waits */
    struct rv_waker waker; /* of the task that waits */
};

static struct {
    int fd; /* the timerfd */
    struct rv_source *source;
    struct heap heap; /* all that wait */
} timers;

static void timer_arm(void)
{
    const struct heap_node *first = heap_first(&timers.heap);
    struct itimerspec at = {{0, 0}, {0, 0}};

    if (first) {
        at.it_value.tv_sec = (first->key - rv_now_ns()) / RV_NS_PER_S;
        at.it_value.tv_nsec = (first->key - rv_now_ns()) % RV_NS_PER_S;
    }
    timerfd_settime(timers.fd, 0, &at, NULL);
}

/* It begins to wait; a no-op if it does already. */
static void timer_add(struct timer *self)
{
    if (heap_has(&self->node))
        return;
    heap_insert(&timers.heap, &self->node, self->deadline_ns);
    timer_arm();
}

/* It waits no more. The timerfd stays: to wake up for nothing does no harm. */
static void timer_remove(struct timer *self)
{
    heap_remove(&timers.heap, &self->node);
}

static void timers_open(struct rv_reactor *reactor)
{
    timers.fd = lesson_unwrap(
        timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    lesson_expect(rv_source_open(reactor, timers.fd, &timers.source) == 0,
                  "cannot register");
}
/*@end 9.1*/
