/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 06: the checker's own sources, waited for by the learner's
 * reactor, and more GETs than the plain run has.
 *
 * A bell is a future that waits for an eventfd; the helper thread rings it. So
 * the reactor is tested without the learner's http_get_poll(), and after that
 * http_get_poll() with the reactor.
 */
#include <semaphore.h>
#include <signal.h>

static sem_t polled; /* one more after each poll of a bell */

static void start(void)
{
    probe_thread("main");
    sem_init(&polled, 0, 0);
    executor_init();
    reactor_start();
}

/* --- a future that waits for an eventfd -------------------------------- */

struct bell {
    struct future future;
    int fd;
    size_t source_id;
    int needed;  /* READY after so many rings */
    bool shared; /* its fd is another name of one that many wait for */
    int empty;   /* polls that found nothing, but for the first */
    int polls;
    atomic_int seen; /* rings, by its polls; -1 before the first */
    bool ready;
};

static int read_rings(struct bell *self, eventfd_t *rings)
{
    int status;

    probe_quiet(true);
    status = eventfd_read(self->fd, rings);
    probe_quiet(false);
    return status;
}

static enum poll_state bell_poll(struct future *future,
                                 const struct waker *waker)
{
    struct bell *self = (struct bell *)future;
    eventfd_t rings = 0;
    bool empty = false;
    int seen;

    reactor_set_waker(reactor(), waker, self->source_id);
    if (self->shared)
        rings = self->polls > 0;
    else
        empty = read_rings(self, &rings) < 0;
    seen = (self->polls ? self->seen : 0) + (int)rings;
    self->empty += empty && self->polls > 0;
    self->ready = seen >= self->needed;
    if (self->ready) {
        reactor_deregister(reactor(), self->fd, self->source_id);
    } else if (probe_disarmed(self->fd)) {
        /* EPOLLONESHOT: who waits again registers again, as a GET does. */
        probe_register_again(true);
        reactor_register(reactor(), self->fd, self->source_id);
        probe_register_again(false);
    }
    self->polls++;
    self->seen = seen;
    sem_post(&polled); /* last: the helper waits for it */
    return self->ready ? READY : NOT_READY;
}

static void bell_open(struct bell *self, int needed, int fd)
{
    *self = (struct bell){
        .future.poll = bell_poll,
        .fd = fd,
        .source_id = reactor_next_source_id(),
        .needed = needed,
        .seen = -1,
    };
    reactor_register(reactor(), self->fd, self->source_id);
}

static int new_fd(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void ring(struct bell *self)
{
    probe_quiet(true);
    eventfd_write(self->fd, 1);
    probe_quiet(false);
}

/* --- the thread that rings --------------------------------------------- */

enum { MAX_BELLS = 120 };

static struct {
    struct bell bells[MAX_BELLS];
    int count;
    int rounds;
    pthread_t thread;
} helper;

static void wait_for_poll(const struct bell *self, int rings)
{
    while (self->seen < rings)
        sem_wait(&polled);
}

/* So that the polls for one ring are over before the next one. */
static void pause_between_rings(void)
{
    probe_quiet(true);
    usleep(1000);
    probe_quiet(false);
}

/* In no order in which a loop over all tasks would poll them: it must not be
 * just on its way to the next one each time. */
static int bell_of_turn(int turn)
{
    return helper.count % 3 ? 3 * turn % helper.count : turn;
}

static void *helper_run(void *unused)
{
    (void)unused;
    probe_thread("helper");
    for (int i = 0; i < helper.count; i++)
        wait_for_poll(&helper.bells[i], 0);
    for (int round = 1; round <= helper.rounds; round++) {
        for (int turn = 0; turn < helper.count; turn++) {
            const int i = bell_of_turn(turn);

            ring(&helper.bells[i]);
            for (int j = 0; j < helper.count; j++)
                if (j == i || helper.bells[j].shared)
                    wait_for_poll(&helper.bells[j], round);
            pause_between_rings();
        }
    }
    return NULL;
}

static void run_bells(int count)
{
    for (int i = 1; i < count; i++)
        spawn(&helper.bells[i].future);
    pthread_create(&helper.thread, NULL, helper_run, NULL);
    block_on(&helper.bells[0].future);
    pthread_join(helper.thread, NULL);
    reactor_stop();
    for (int i = 0; i < count; i++)
        probe_expect(helper.bells[i].ready, "FORGOTTEN TASK", "polls", i,
                     helper.bells[i].polls, helper.bells[i].needed + 1);
}

/* Eight sources, five events each, one after the other. */
PROBE_CASE(bells)
{
    int empty = 0;

    start();
    helper.count = 8;
    helper.rounds = 5;
    for (int i = 0; i < 8; i++)
        bell_open(&helper.bells[i], 5, new_fd());
    run_bells(8);
    for (int i = 0; i < 8; i++)
        empty += helper.bells[i].empty;
    probe_expect(empty < 80, "POLLS EVERYBODY", "empty", empty, 40, 8);
}

/*
 * A source that is deregistered has no waker any more. The waker goes into a
 * queue of its own, so that nothing else gets there.
 */
static int deregistered_fd;

static enum poll_state after_poll(struct future *future,
                                  const struct waker *waker)
{
    struct bell *self = (struct bell *)future;
    const bool first = self->polls == 0;
    enum poll_state state;

    state = bell_poll(future, waker);
    if (first) {
        probe_quiet(true);
        eventfd_write(deregistered_fd, 1); /* its event comes before */
        probe_quiet(false);
        ring(self);
    }
    return state;
}

PROBE_CASE(quiet)
{
    static struct ready_queue other;
    const struct waker waker = {&executor.parker, 1, &other};
    const size_t source_id = reactor_next_source_id();
    struct bell last;
    size_t task_id = 0;

    start();
    ready_queue_init(&other);
    deregistered_fd = new_fd();
    reactor_register(reactor(), deregistered_fd, source_id);
    reactor_set_waker(reactor(), &waker, source_id);
    reactor_deregister(reactor(), deregistered_fd, source_id);
    bell_open(&last, 1, new_fd());
    last.future.poll = after_poll;
    block_on(&last.future);
    reactor_stop();
    probe_expect(!pop_ready(&other, &task_id), "LEAKED REGISTRATION", "woken",
                 (long)source_id, 0, 0);
}

/*
 * A waker is the caller's until reactor_set_waker() has returned: then its
 * struct is used for another one, with a queue of its own.
 */
PROBE_CASE(copy)
{
    static struct ready_queue own;
    static struct ready_queue other;
    struct waker waker = {&executor.parker, 1, &own};
    const size_t source_id = reactor_next_source_id();
    const int fd = new_fd();
    size_t task_id = 0;

    start();
    ready_queue_init(&own);
    ready_queue_init(&other);
    reactor_register(reactor(), fd, source_id);
    reactor_set_waker(reactor(), &waker, source_id);
    waker = (struct waker){&executor.parker, 2, &other};
    reactor_wake(reactor(), source_id); /* as if its event had come */
    if (pop_ready(&other, &task_id))
        probe_fail("DANGLING POINTER @6.1", "waker", (long)source_id, 0, 0);
}

/* One write makes 120 sources ready: more than one call gives back. */
PROBE_CASE(burst)
{
    const int fd = new_fd();

    start();
    helper.count = MAX_BELLS;
    helper.rounds = 1;
    for (int i = 0; i < MAX_BELLS; i++) {
        bell_open(&helper.bells[i], 1, dup(fd));
        helper.bells[i].shared = true;
    }
    run_bells(MAX_BELLS);
}

/* --- GETs -------------------------------------------------------------- */

enum { MAX_GETS = 100 };

static struct http_get_future gets[MAX_GETS];
static const char *paths[MAX_GETS];

static void open_gets(int count, int first_ms, int step_ms)
{
    for (int i = 0; i < count; i++) {
        paths[i] = probe_path(first_ms + step_ms * i);
        gets[i] = http_get(probe_port(), paths[i]);
    }
}

/* The text after the last slash of the path is the body of the response. */
static void expect_response(int i)
{
    const struct lesson_request *request = &gets[i].request;
    const char *text = strrchr(paths[i], '/') + 1;

    probe_expect(gets[i].future.error == 0 && request->text &&
                     strstr(request->text, text),
                 "TRUNCATED", "response", i, (long)request->length,
                 gets[i].future.error);
    free(request->text);
}

static void run_gets(int count)
{
    for (int i = 1; i < count; i++)
        spawn(&gets[i].future);
    block_on(&gets[0].future);
    reactor_stop();
    for (int i = 0; i < count; i++)
        expect_response(i);
}

/* Eight at different times: about one event a response. */
PROBE_CASE(eight)
{
    unsigned long events;

    start();
    open_gets(8, 60, 20);
    run_gets(8);
    events = probe_count(PROBE_EVENT);
    probe_expect(events <= 80, "LEVEL SPIN", "events", (long)events, 9, 8);
}

PROBE_CASE(hundred)
{
    start();
    open_gets(MAX_GETS, 100, 3);
    run_gets(MAX_GETS);
}

/* The response comes in ten pieces, so there are ten events. */
PROBE_CASE(drip)
{
    start();
    paths[0] = probe_path_of("/drip/20/10");
    gets[0] = http_get(probe_port(), paths[0]);
    run_gets(1);
}

/* When its response is there, nothing may be left of a GET in the reactor. */
PROBE_CASE(leak)
{
    unsigned long wakes;

    start();
    open_gets(1, 20, 0);
    block_on(&gets[0].future);
    expect_response(0);
    probe_reset();
    reactor_wake(reactor(), gets[0].source_id); /* as if a late event came */
    wakes = probe_count(PROBE_WAKE) + probe_count(PROBE_WAKE_AGAIN);
    probe_expect(wakes == 0,
                 probe_gone[gets[0].source_id]
                     ? "LEAKED REGISTRATION"
                     : "LEAKED REGISTRATION: never deregistered",
                 "waker", (long)gets[0].source_id, 0, 0);
    reactor_stop();
}

/*
 * A GET that changes hands: polled first by one task, then by another. From
 * then on only the second may be woken.
 */
static struct {
    struct future first;
    struct future second;
    struct waker waker_of_first;
    struct waker waker_of_second;
    int polls_of_first;
    bool ready;
} hands;

static enum poll_state second_poll(struct future *future,
                                   const struct waker *waker)
{
    (void)future;
    hands.waker_of_second = *waker;
    if (hands.polls_of_first == 0)
        return NOT_READY;
    hands.ready = gets[0].future.poll(&gets[0].future, waker) == READY;
    if (hands.ready)
        wake(&hands.waker_of_first);
    return hands.ready ? READY : NOT_READY;
}

static enum poll_state first_poll(struct future *future,
                                  const struct waker *waker)
{
    (void)future;
    hands.waker_of_first = *waker;
    if (hands.polls_of_first++ > 0) {
        const long second = (long)hands.waker_of_second.task_id;

        probe_expect(hands.ready,
                     probe_left_for[gets[0].source_id] == second
                         ? "WRONG OWNER: kept the first waker"
                         : "WRONG OWNER",
                     "hands", (long)waker->task_id, second, 0);
        return READY;
    }
    if (gets[0].future.poll(&gets[0].future, waker) == READY)
        return READY;
    wake(&hands.waker_of_second);
    return NOT_READY;
}

static enum poll_state both_poll(struct future *future,
                                 const struct waker *waker)
{
    (void)future;
    (void)waker;
    return READY;
}

PROBE_CASE(hands)
{
    struct future both = {both_poll, 0};

    start();
    open_gets(1, 150, 0);
    hands.first.poll = first_poll;
    hands.second.poll = second_poll;
    spawn(&hands.second);
    spawn(&hands.first);
    block_on(&both);
    reactor_stop();
    expect_response(0);
}

/* A signal interrupts epoll_wait(): no event, and no end. */
static void on_signal(int number)
{
    (void)number;
}

static void *signal_run(void *unused)
{
    (void)unused;
    probe_thread("helper");
    for (int i = 0; i < 3; i++) {
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        pthread_kill(reactor()->thread, SIGUSR1);
    }
    return NULL;
}

PROBE_CASE(signal)
{
    const struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;

    start();
    sigaction(SIGUSR1, &action, NULL);
    open_gets(1, 120, 0);
    pthread_create(&thread, NULL, signal_run, NULL);
    block_on(&gets[0].future);
    pthread_join(thread, NULL);
    reactor_stop();
    expect_response(0);
}

/*
 * The runner runs it once for each call of each thread, and delays that call by
 * 150 ms: the responses come meanwhile.
 */
PROBE_CASE(sweep)
{
    char port[16];
    int status;

    snprintf(port, sizeof port, "%d", probe_port());
    status = probe_run_main(port, probe_path(60), probe_path(25), NULL);
    probe_expect(status == 0, "ENDED EARLY", "status", status, 0, 0);
}
