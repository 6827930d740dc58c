/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 09: the learner's timers under a clock that stands still
 * until the checker moves it. So nothing here takes time or depends on it: the
 * timerfd is armed for times that never come, and the checker calls
 * timer_fire() in its place.
 */

static struct rv_runtime *runtime;
static int64_t start_ns;

static void start(void)
{
    probe_thread("main");
    /* Far in the future of the real clock: the timerfd itself never rings. */
    start_ns = rv_now_ns() / RV_NS_PER_S * RV_NS_PER_S + 1000000 * RV_NS_PER_S;
    rv_clock_freeze(start_ns);
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    timers_open(rv_runtime_reactor(runtime));
}

static void stop(void)
{
    rv_source_close(timers.source);
    rv_runtime_stop(runtime);
    rv_clock_thaw();
}

/* --- let all ready tasks be polled ------------------------------------- */

struct settle {
    struct rv_future future;
    int left;
};

static enum rv_poll settle_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct settle *self = RV_CONTAINER_OF(future, struct settle, future);

    if (self->left-- == 0)
        return RV_READY;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static void settle(void)
{
    static const struct rv_future_ops ops = {.name = "settle",
                                             .poll = settle_poll};
    struct settle self = {.left = 3};

    rv_future_init(&self.future, &ops);
    rv_runtime_block_on(runtime, &self.future);
}

static void spawn(struct rv_future *future)
{
    lesson_expect(rv_spawn(rv_runtime_executor(runtime), future, NULL) == 0,
                  "out of memory");
    settle();
}

/* --- sleepers: tasks that wait for one timer --------------------------- */

struct sleeper {
    struct rv_future future;
    struct timer timer;
};

static int sleepers_polled, sleepers_ready;

static enum rv_poll sleeper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct sleeper *self = RV_CONTAINER_OF(future, struct sleeper, future);

    sleepers_polled++;
    if (rv_poll(&self->timer.future, cx) == RV_PENDING)
        return RV_PENDING;
    sleepers_ready++;
    return RV_READY;
}

static void sleeper_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct sleeper, future)->timer.future);
}

static struct rv_future *new_sleeper(int64_t ns)
{
    static const struct rv_future_ops ops = {
        .name = "sleeper", .poll = sleeper_poll, .drop = sleeper_drop};
    struct sleeper *self = checked_alloc(sizeof(*self));

    rv_future_init(&self->future, &ops);
    timer_init(&self->timer, start_ns + ns);
    return &self->future;
}

static void sleep_for(int64_t ns)
{
    spawn(new_sleeper(ns));
}

static void expect_armed(void)
{
    const int64_t earliest = probe_earliest();
    const char *cause = probe_lost(earliest);

    if (cause)
        probe_fail(cause, probe_key(earliest), labs(probe_ms(earliest)),
                   probe_waiting_count, probe_ms(probe_armed));
}

/* As if the timerfd had rung at that time. */
static void ring_at(int64_t ns)
{
    rv_clock_freeze(start_ns + ns);
    timer_fire(rv_now_ns());
    settle();
}

/* --- the cases --------------------------------------------------------- */

/* Armed for the earliest, whatever the order in which they come. */
PROBE_CASE(arm)
{
    static const int ms[] = {5000, 20, 80, 10, 10, 3999, 2000};

    start();
    for (size_t i = 0; i < sizeof(ms) / sizeof(*ms); i++) {
        sleep_for(ms[i] * RV_NS_PER_MS + 123456);
        expect_armed();
        probe_expect(probe_armed >= probe_earliest(),
                     "LOST TIMER: armed too early", "too_early",
                     probe_ms(probe_earliest()),
                     (long)((probe_earliest() - probe_armed) / 1000), 0);
    }
    stop();
}

/* A timer that was waited for, and is not any more. */
static void drop_one(int64_t ns)
{
    static struct timer gone;
    struct rv_cx cx = {.executor = rv_runtime_executor(runtime)};

    timer_init(&gone, start_ns + ns);
    timer_poll(&gone.future, &cx);
    timer_drop(&gone.future);
}

/* Those that are due, all of them and no others; and armed for the rest. */
PROBE_CASE(fire)
{
    int polls;

    start();
    for (int i = 0; i < 10; i++)
        sleep_for(30 * RV_NS_PER_MS);
    for (int i = 0; i < 5; i++)
        sleep_for(60 * RV_NS_PER_MS);
    sleep_for(61 * RV_NS_PER_MS);
    drop_one(10 * RV_NS_PER_MS);
    ring_at(10 * RV_NS_PER_MS); /* for that one */
    expect_armed();
    polls = sleepers_polled;
    ring_at(30 * RV_NS_PER_MS);
    probe_expect(sleepers_polled <= polls + 10, "POLLS EVERYBODY", "timers",
                 sleepers_polled - polls, 10, 16);
    expect_armed();
    ring_at(45 * RV_NS_PER_MS); /* for nothing: no harm */
    expect_armed();
    while (sleepers_ready < 10 && probe_armed &&
           probe_armed <= start_ns + 45 * RV_NS_PER_MS)
        ring_at(45 * RV_NS_PER_MS);
    probe_expect(sleepers_ready >= 10, "LOST TIMER: due and not woken", "due",
                 10 - sleepers_ready, 10, 0);
    /* Now it is later than timer_fire() is told: as if another program had run
     * in between. */
    rv_clock_freeze(start_ns + 65 * RV_NS_PER_MS);
    timer_fire(start_ns + 60 * RV_NS_PER_MS);
    settle();
    expect_armed();
    ring_at(65 * RV_NS_PER_MS);
    ring_at(65 * RV_NS_PER_MS);
    while (sleepers_ready < 16 && probe_armed)
        ring_at(65 * RV_NS_PER_MS);
    probe_expect(sleepers_ready == 16, "LOST TIMER: due and not woken", "due",
                 16 - sleepers_ready, 16, 0);
    stop();
}

/* As the kernel does: it rings at the time it is armed for, or some time later.
 * Returns: whether it is armed, up to that time. */
static bool ring(int64_t until_ns, int64_t late_ns)
{
    const int64_t now_ns = rv_now_ns() - start_ns;
    const int64_t ns = probe_armed - start_ns;

    if (!probe_armed || ns > until_ns)
        return false;
    ring_at((ns > now_ns ? ns : now_ns) + late_ns);
    return true;
}

/* A thousand timers on ten deadlines, in no order. */
PROBE_CASE(thousand)
{
    int fires = 0;
    int late = 0;
    int lost;

    start();
    for (int i = 0; i < 1000; i++)
        (void)rv_spawn(rv_runtime_executor(runtime),
                       new_sleeper((1 + i * 7 % 10) * 30 * RV_NS_PER_MS), NULL);
    settle();
    expect_armed();
    while (fires < 5000 && ring(400 * RV_NS_PER_MS, 0))
        fires++;
    lost = 1000 - sleepers_ready;
    while (lost && late < 100 && ring(400 * RV_NS_PER_MS, 1))
        late++;
    probe_expect(!lost || sleepers_ready < 1000,
                 "LOST TIMER: not at its deadline", "exactly", lost, 0, 0);
    probe_expect(!lost, "LOST TIMER: due and not woken", "due", lost, 1000, 0);
    probe_expect(fires < 16, "TOO MANY: wake-ups", "fires", fires, 10, 0);
    stop();
}

/* --- timeouts ---------------------------------------------------------- */

/* READY at the poll that finds `ready`. */
struct child {
    struct rv_future future;
    struct rv_waker waker;
    bool ready, dropped;
    int polls;
};

static enum rv_poll child_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct child *self = RV_CONTAINER_OF(future, struct child, future);

    self->polls++;
    if (self->ready)
        RV_RETURN(future, self->future.result);
    rv_waker_store(&self->waker, &cx->waker);
    return RV_PENDING;
}

static void child_drop(struct rv_future *future)
{
    struct child *self = RV_CONTAINER_OF(future, struct child, future);

    self->dropped = true;
    rv_waker_drop(&self->waker);
}

struct watcher {
    struct rv_future future;
    struct child child;
    struct timeout timeout;
    int waiting; /* timers of this one when the timeout was READY */
    bool over;
};

static enum rv_poll watcher_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct watcher *self = RV_CONTAINER_OF(future, struct watcher, future);

    if (rv_poll(&self->timeout.future, cx) == RV_PENDING)
        return RV_PENDING;
    for (int i = 0; i < probe_waiting_count; i++)
        self->waiting += probe_waiting[i].timer == &self->timeout.timer;
    self->over = true;
    return RV_READY;
}

static const struct rv_future_ops watcher_ops = {.name = "watcher",
                                                 .poll = watcher_poll};
static const struct rv_future_ops child_ops = {
    .name = "child", .poll = child_poll, .drop = child_drop};

/* The task is the watcher; its join keeps it for the checker. */
static struct watcher *watch(struct rv_join *join, int64_t ns, bool ready,
                             int result)
{
    struct watcher *self = checked_alloc(sizeof(*self));

    rv_future_init(&self->future, &watcher_ops);
    rv_future_init(&self->child.future, &child_ops);
    self->child.ready = ready;
    self->child.future.result = result;
    timeout_init(&self->timeout, &self->child.future, start_ns + ns);
    lesson_expect(rv_spawn(rv_runtime_executor(runtime), &self->future, join) ==
                      0,
                  "out of memory");
    settle();
    return self;
}

static void expect_result(const struct watcher *self, int result)
{
    probe_expect(self->child.polls > 0, "FORGOTTEN TASK: never asked", "child",
                 0, 0, 0);
    probe_expect(self->over, "NEVER READY", "timeout", self->child.polls, 0, 0);
    probe_expect(self->timeout.future.result == result, "ERROR LOST", "timeout",
                 self->timeout.future.result, result, 0);
}

PROBE_CASE(timeout)
{
    struct rv_join joins[4];
    struct watcher *first, *late, *atonce, *both;

    start();
    memset(joins, 0, sizeof(joins));
    /* The child is READY at once. */
    atonce = watch(&joins[0], 50 * RV_NS_PER_MS, true, 7);
    expect_result(atonce, 7);
    probe_expect(!atonce->waiting, "LEAKED REGISTRATION: the timer stays",
                 "loser", 0, 0, 0);
    /* The child is first, and says that it has failed. */
    first = watch(&joins[1], 50 * RV_NS_PER_MS, false, -EIO);
    probe_expect(!first->over, "FORGOT THE OTHERS", "timeout", 0, 0, 0);
    expect_armed();
    first->child.ready = true;
    rv_waker_wake(&first->child.waker);
    settle();
    expect_result(first, -EIO);
    probe_expect(!first->waiting, "LEAKED REGISTRATION: the timer stays",
                 "loser", 0, 0, 0);
    /* The clock is first. */
    late = watch(&joins[2], 50 * RV_NS_PER_MS, false, 7);
    expect_armed();
    for (int i = 0; i < 10 && ring(60 * RV_NS_PER_MS, 0); i++)
        ;
    expect_result(late, -ETIMEDOUT);
    probe_expect(late->child.dropped, "LEAKED REGISTRATION: the child stays",
                 "child", 0, 0, 0);
    /* Both at the same poll: what the child has brought counts. */
    both = watch(&joins[3], 100 * RV_NS_PER_MS, false, 9);
    both->child.ready = true;
    rv_waker_wake(&both->child.waker);
    ring_at(120 * RV_NS_PER_MS);
    probe_expect(both->timeout.future.result == 9, "ERROR LOST @9.3", "both",
                 both->timeout.future.result, 9, 0);
    probe_expect(!both->waiting, "LEAKED REGISTRATION: the timer stays",
                 "loser", 0, 0, 0);
    for (int i = 0; i < 4; i++)
        rv_join_drop(&joins[i]);
    stop();
}

/* --- the tick ---------------------------------------------------------- */

enum { TICKS = 100 };

/* Each tick is handled 3 ms late; the hundredth as well, and no later. */
PROBE_CASE(drift)
{
    struct rv_future *future;
    struct ticker *ticker;
    int64_t late_ns;

    start();
    /* One more, so that the task does not end and free it. */
    future = ticker_new(start_ns, 10 * RV_NS_PER_MS, TICKS + 1);
    ticker = RV_CONTAINER_OF(future, struct ticker, future);
    spawn(future);
    for (int i = 0; i < 4 * TICKS && ticker->tick <= TICKS; i++)
        ring(1000 * RV_NS_PER_S, 3 * RV_NS_PER_MS);
    probe_expect(ticker->tick > TICKS, "LOST TIMER: due and not woken", "due",
                 1, TICKS, 0);
    late_ns =
        ticker->timer.deadline_ns - start_ns - (TICKS + 1) * 10 * RV_NS_PER_MS;
    probe_expect(late_ns < 3 * RV_NS_PER_MS, "DRIFTS", "late", TICKS,
                 (long)(late_ns / RV_NS_PER_MS), 3);
    probe_expect(late_ns > -3 * RV_NS_PER_MS, "DRIFTS", "early", TICKS,
                 (long)(-late_ns / RV_NS_PER_MS), 0);
    stop();
}
