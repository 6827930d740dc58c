/*@answer
cause: TOO MANY
kind: timerfds
found: plain
en: A timerfd for each timer, registered with the reactor: no heap, no arming.
en: A thousand timers are a thousand descriptors.
fr: Un timerfd par minuteur, abonné au réacteur : ni tas, ni réarmement. Mille
fr: minuteurs font mille descripteurs.
*/

/*@region 9.1*/
struct timer {
    struct rv_future future;
    int64_t deadline_ns;   /* absolute, CLOCK_MONOTONIC */
    struct heap_node node; /* not used */
    struct rv_source *source;
    int fd;
    struct rv_waker waker; /* of the task that waits */
};

static struct {
    int fd; /* the timerfd */
    struct rv_source *source;
    struct heap heap; /* all that wait */
} timers;

/* It begins to wait; a no-op if it does already. */
static void timer_add(struct timer *self)
{
    struct itimerspec at = {{0, 0}, {0, 0}};
    uint32_t tick;

    if (!self->source) {
        self->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        lesson_expect(
            rv_source_open(rv_reactor_current(), self->fd, &self->source) == 0,
            "cannot register");
        at.it_value.tv_sec = self->deadline_ns / RV_NS_PER_S;
        at.it_value.tv_nsec = self->deadline_ns % RV_NS_PER_S;
        timerfd_settime(self->fd, TFD_TIMER_ABSTIME, &at, NULL);
    }
    rv_source_ready(self->source, RV_READ, &self->waker, &tick);
}

/* It waits no more. The timerfd stays: to wake up for nothing does no harm. */
static void timer_remove(struct timer *self)
{
    if (!self->source)
        return;
    rv_source_close(self->source);
    close(self->fd);
    self->source = NULL;
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
    (void)now_ns;
}
/*@end 9.2*/
