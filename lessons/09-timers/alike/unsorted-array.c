/*@answer
en: An array in no order in place of the heap, searched for its earliest.
fr: Un tableau sans ordre au lieu du tas, où l'on cherche la première échéance.
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
    struct timer *all[HEAP_MOST];
    size_t count;
} timers;

static void timer_arm(void)
{
    const struct timer *first = NULL;
    struct itimerspec at = {{0, 0}, {0, 0}};

    for (size_t i = 0; i < timers.count; i++)
        if (!first || timers.all[i]->deadline_ns < first->deadline_ns)
            first = timers.all[i];
    if (first) {
        at.it_value.tv_sec = first->deadline_ns / RV_NS_PER_S;
        at.it_value.tv_nsec = first->deadline_ns % RV_NS_PER_S;
    }
    timerfd_settime(timers.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* It begins to wait; a no-op if it does already. */
static void timer_add(struct timer *self)
{
    for (size_t i = 0; i < timers.count; i++)
        if (timers.all[i] == self)
            return;
    timers.all[timers.count++] = self;
    timer_arm();
}

/* It waits no more. The timerfd stays: to wake up for nothing does no harm. */
static void timer_remove(struct timer *self)
{
    for (size_t i = 0; i < timers.count; i++)
        if (timers.all[i] == self)
            timers.all[i] = timers.all[--timers.count];
}

static void timers_open(struct rv_reactor *reactor)
{
    timers.fd = lesson_unwrap(
        timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    lesson_expect(rv_source_open(reactor, timers.fd, &timers.source) == 0,
                  "cannot register");
}
/*@end 9.1*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    for (size_t i = 0; i < timers.count;) {
        struct timer *const timer = timers.all[i];

        if (timer->deadline_ns > now_ns) {
            i++;
            continue;
        }
        timers.all[i] = timers.all[--timers.count];
        rv_waker_wake(&timer->waker);
    }
    timer_arm();
}
/*@end 9.2*/
