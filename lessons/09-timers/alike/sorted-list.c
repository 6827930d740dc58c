/*@answer
en: A sorted list in place of the heap: inserting takes longer, the first is
en: as near.
fr: Une liste triée au lieu du tas : insérer prend plus de temps, le premier
fr: est aussi proche.
*/

/*@region 9.1*/
struct timer {
    struct rv_future future;
    int64_t deadline_ns;
    struct timer *next, **link; /* `link` points at us while we wait */
    struct rv_waker waker;
};

static struct {
    int fd;
    struct rv_source *source;
    struct timer *first;
} timers;

static void timer_arm(void)
{
    const int64_t ns = timers.first ? timers.first->deadline_ns : 0;
    const struct itimerspec at = {
        .it_value = {ns / RV_NS_PER_S, ns % RV_NS_PER_S},
    };

    timerfd_settime(timers.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void timer_remove(struct timer *self)
{
    if (!self->link)
        return;
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    self->link = NULL;
}

static void timer_add(struct timer *self)
{
    struct timer **at = &timers.first;

    if (self->link)
        return;
    while (*at && (*at)->deadline_ns <= self->deadline_ns)
        at = &(*at)->next;
    self->next = *at;
    self->link = at;
    if (self->next)
        self->next->link = &self->next;
    *at = self;
    if (timers.first == self)
        timer_arm();
}

static void timers_open(struct rv_reactor *reactor)
{
    timers.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timers.fd < 0 || rv_source_open(reactor, timers.fd, &timers.source) < 0)
        abort();
}
/*@end 9.1*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    while (timers.first && timers.first->deadline_ns <= now_ns) {
        struct timer *due = timers.first;
        struct rv_waker waker = rv_waker_take(&due->waker);

        timer_remove(due);
        rv_waker_wake_and_drop(&waker);
    }
    if (timers.first)
        timer_arm();
}
/*@end 9.2*/
