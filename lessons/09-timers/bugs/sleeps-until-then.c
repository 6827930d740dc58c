/*@answer
cause: SLEEPS IN POLL
found: plain
en: Does not arm the timerfd but sleeps until the deadline. Right times, and
en: nothing else runs meanwhile.
fr: N'arme pas le timerfd mais dort jusqu'à l'échéance. Les instants sont
fr: justes, et rien d'autre ne tourne pendant ce temps.
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

static void timer_fire(int64_t now_ns);

static void timer_arm(void)
{
    const struct heap_node *first = heap_first(&timers.heap);
    const int64_t left_ns = first ? first->key - rv_now_ns() : 0;

    if (left_ns > 0)
        nanosleep(
            &(struct timespec){left_ns / RV_NS_PER_S, left_ns % RV_NS_PER_S},
            NULL);
    if (first)
        timer_fire(rv_now_ns());
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
