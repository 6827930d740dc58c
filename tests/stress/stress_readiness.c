/* SPDX-License-Identifier: MIT */
/*
 * stress_readiness.c - edges of epoll that race with EAGAIN, and slots that are
 * reused.
 *
 *     stress_readiness [COUNT]     20,000 bytes to each test, about
 *
 * Three tests in one run. Before them, once: two futures that wait for one
 * direction of a descriptor end the program with a message.
 *
 *   reading: plain threads write single bytes, two in quick succession, and
 *     wait for the echoes of tasks. A task reads one byte at a time and delays
 *     between EAGAIN and rv_source_clear(), so that the edge of the second byte
 *     comes in between. A lost edge is a hang.
 *
 *   writing: tasks fill pipes of one page, plain threads empty them.
 *
 *   churn: sources whose peer has just closed are closed while the reactor
 *     handles their events, and new sources reuse their slots. No new source
 *     may get the hang-up of the old one, and a descriptor whose source was
 *     closed can be registered again.
 *
 * Threads: the executor is the main thread's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <reveil/fd.h>
#include <sched.h>
#include <sys/socket.h>

#include "stress.h"

enum { THREADS = 2, LINKS = 4, PAGE = 4096 };

static struct rv_runtime *runtime;

/* A descriptor of a task, and the peer's end of it. */
struct link {
    int fd;
    int peer;
    struct rv_source *source;
    uint32_t random; /* the task's */
    uint32_t len;    /* bytes, or pages, to transfer */
};

static void open_source(struct link *link)
{
    STRESS_CHECK(fcntl(link->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    STRESS_CHECK(rv_source_open(rv_runtime_reactor(runtime), link->fd,
                                &link->source) == 0,
                 "rv_source_open");
}

static void close_link(struct link *link)
{
    rv_source_close(link->source);
    close(link->fd);
    close(link->peer);
}

static ssize_t call(const struct link *link, enum rv_direction direction,
                    char *page, size_t len_bytes)
{
    ssize_t len = direction == RV_READ ? read(link->fd, page, len_bytes)
                                       : write(link->fd, page, len_bytes);

    return len < 0 ? -errno : len;
}

/* I/O first, the reactor after EAGAIN, with some time in between. */
static bool poll_io(struct link *link, enum rv_direction direction,
                    struct rv_cx *cx, char *page, size_t len_bytes)
{
    uint32_t tick;
    ssize_t len;

    while (rv_source_ready(link->source, direction, &cx->waker, &tick)) {
        len = call(link, direction, page, len_bytes);
        if (len != -EAGAIN) {
            STRESS_CHECK(len == (ssize_t)len_bytes, "read or write");
            return true;
        }
        stress_dawdle(stress_random(&link->random) % 8192);
        rv_source_clear(link->source, direction, tick);
    }
    return false;
}

/* --- reading ----------------------------------------------------------- */

struct mover {
    struct rv_future future;
    struct link *link;
    uint32_t moved;
};

static enum rv_poll echo_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct mover *self = RV_CONTAINER_OF(future, struct mover, future);
    char letter;

    while (self->moved < self->link->len) {
        if (!poll_io(self->link, RV_READ, cx, &letter, 1))
            return RV_PENDING;
        STRESS_CHECK(letter == (char)self->moved, "wrong byte");
        self->moved++;
        STRESS_CHECK(write(self->link->fd, &letter, 1) == 1, "no echo");
    }
    return RV_READY;
}

static void *reading_main(void *arg)
{
    struct link *links = arg; /* LINKS of them */
    uint32_t random = links->len;
    char letter;
    char echo;

    for (uint32_t i = 0; i < links->len; i++) {
        letter = (char)i;
        for (int k = 0; k < LINKS; k++)
            STRESS_CHECK(write(links[k].peer, &letter, 1) == 1, "write");
        if (i % 2 == 0) { /* the second byte, soon after */
            stress_dawdle(stress_random(&random) % 65536);
            continue;
        }
        for (int k = 0; k < LINKS; k++)
            for (char n = 0; n < 2; n++) {
                STRESS_CHECK(read(links[k].peer, &echo, 1) == 1, "read");
                STRESS_CHECK(echo == (char)(letter - 1 + n), "wrong echo");
            }
    }
    return NULL;
}

static void open_socket_link(struct link *link, uint32_t len)
{
    int fds[2];

    STRESS_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
    *link = (struct link){.fd = fds[0], .peer = fds[1], .len = len};
    open_source(link);
}

/* --- writing ----------------------------------------------------------- */

static enum rv_poll fill_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct mover *self = RV_CONTAINER_OF(future, struct mover, future);
    char page[PAGE];

    while (self->moved < self->link->len) {
        memset(page, (char)self->moved, PAGE);
        if (!poll_io(self->link, RV_WRITE, cx, page, PAGE))
            return RV_PENDING;
        self->moved++;
    }
    return RV_READY;
}

static void read_page(struct link *link, uint32_t number)
{
    char page[PAGE];
    ssize_t len = 0;

    for (ssize_t n; len < PAGE; len += n) {
        n = read(link->peer, page, (size_t)(PAGE - len));
        STRESS_CHECK(n > 0, "read");
        STRESS_CHECK(page[0] == (char)number, "wrong page");
    }
}

static void *writing_main(void *arg)
{
    struct link *links = arg;
    uint32_t random = links->len;

    for (uint32_t i = 0; i < links->len; i++)
        for (int k = 0; k < LINKS; k++) {
            stress_dawdle(stress_random(&random) % 16384);
            read_page(&links[k], i);
        }
    return NULL;
}

static void open_pipe_link(struct link *link, uint32_t len)
{
    int fds[2];

    STRESS_CHECK(pipe(fds) == 0, "pipe");
    STRESS_CHECK(fcntl(fds[1], F_SETPIPE_SZ, PAGE) == PAGE, "F_SETPIPE_SZ");
    *link = (struct link){.fd = fds[1], .peer = fds[0], .len = len};
    open_source(link);
}

/* --- both -------------------------------------------------------------- */

struct test {
    const char *name;
    void (*open)(struct link *link, uint32_t len);
    void *(*peer_main)(void *links);
    enum rv_direction other; /* the one that no task waits for */
    struct rv_future_ops ops;
};

/*
 * A thread that removes wakers that were never stored. It keeps the mutexes of
 * the sources busy, so that a report may come between a poll's check of the
 * readiness and the store of its waker.
 */
struct busybody {
    pthread_t thread;
    struct link (*links)[LINKS];
    enum rv_direction direction;
    _Atomic bool stop;
};

static void *busybody_main(void *arg)
{
    struct busybody *me = arg;

    for (int k = 0; !me->stop; k = (k + 1) % (THREADS * LINKS)) {
        for (int i = 0; i < 64; i++)
            rv_source_forget(me->links[k / LINKS][k % LINKS].source,
                             me->direction);
        sched_yield();
    }
    return NULL;
}

static void run_test(const struct test *test, uint32_t len)
{
    struct link links[THREADS][LINKS];
    struct busybody busybody = {.links = links, .direction = test->other};
    struct rv_join joins[THREADS * LINKS];
    pthread_t threads[THREADS];

    stress_phase = test->name;
    for (int k = 0; k < THREADS * LINKS; k++) {
        struct mover *mover = stress_future(sizeof *mover, &test->ops);

        mover->link = &links[k / LINKS][k % LINKS];
        test->open(mover->link, len);
        mover->link->random = (uint32_t)k;
        STRESS_CHECK(rv_spawn(rv_runtime_executor(runtime), &mover->future,
                              &joins[k]) == 0,
                     "rv_spawn");
    }
    pthread_create(&busybody.thread, NULL, busybody_main, &busybody);
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, test->peer_main, links[t]);
    stress_block_on_all(rv_runtime_executor(runtime), joins, THREADS * LINKS);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    busybody.stop = true;
    pthread_join(busybody.thread, NULL);
    for (int k = 0; k < THREADS * LINKS; k++)
        close_link(&links[k / LINKS][k % LINKS]);
}

/* --- churn ------------------------------------------------------------- */

enum { PLACES = 100 };

static const struct rv_waker nobody;

static bool readable(struct link *link)
{
    uint32_t tick;

    return rv_source_ready(link->source, RV_READ, &nobody, &tick);
}

/* Wait until the reactor has reported everything up to now. */
static void let_reactor_catch_up(void)
{
    struct link link;

    open_socket_link(&link, 1);
    rv_source_clear(link.source, RV_READ, 0);
    STRESS_CHECK(write(link.peer, "", 1) == 1, "write");
    while (!readable(&link))
        sched_yield();
    close_link(&link);
}

/* Close a source while its events arrive, and put a new one in its place. */
static void replace(struct link *old, struct link *new)
{
    rv_source_close(old->source);
    open_source(new);
    rv_source_clear(new->source, RV_READ, 0);
}

static void churn_round(struct link *old, struct link *new)
{
    for (int k = 0; k < PLACES; k++) {
        int fds[2];

        open_socket_link(&old[k], 0);
        STRESS_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "pair");
        new[k] = (struct link){.fd = fds[0], .peer = fds[1]};
    }
    for (int k = 0; k < PLACES; k++)
        close(old[k].peer);
    /* No sched_yield(): the reactor would be done when this thread returns. */
    for (int i = 0; i < 10000 && !rv_source_hung_up(old[0].source, RV_READ);
         i++)
        stress_dawdle(20);
    /* The reactor starts at the front, this thread at the back. */
    for (int k = PLACES - 1; k >= 0; k--)
        replace(&old[k], &new[k]);
    let_reactor_catch_up();
    for (int k = 0; k < PLACES; k++) {
        STRESS_CHECK(!rv_source_hung_up(new[k].source, RV_READ) &&
                         !readable(&new[k]),
                     "an old source's event reached the new one");
        open_source(&old[k]); /* it is not registered with epoll any more */
        rv_source_close(old[k].source);
        close(old[k].fd);
        close_link(&new[k]);
    }
}

static void *churn_main(void *arg)
{
    struct link old[PLACES];
    struct link new[PLACES];

    for (uint32_t i = 0; i < *(const uint32_t *)arg; i++)
        churn_round(old, new);
    return NULL;
}

static void churn(uint32_t rounds)
{
    pthread_t threads[THREADS];

    stress_phase = "churn";
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, churn_main, &rounds);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
}

/* --- misuse ------------------------------------------------------------ */

static void wait_in_two_tasks(void *arg)
{
    struct rv_join joins[2];
    struct rv_stream ends[2];
    struct rv_stream_recv recv[2];
    struct rv_yield yield;
    char letters[2];

    (void)arg;
    STRESS_CHECK(rv_runtime_start(&runtime) == 0, "rv_runtime_start");
    STRESS_CHECK(rv_stream_pair(ends) == 0, "rv_stream_pair");
    for (int i = 0; i < 2; i++) {
        rv_stream_recv_init(&recv[i], &ends[0], &letters[i], 1);
        STRESS_CHECK(rv_spawn(rv_runtime_executor(runtime), &recv[i].future,
                              &joins[i]) == 0,
                     "rv_spawn");
    }
    rv_yield_init(&yield);
    rv_runtime_block_on(runtime, &yield.future); /* both have waited */
    STRESS_CHECK(rv_stream_try_send(&ends[1], "x", 1) == 1, "send");
    rv_runtime_block_on(runtime, &joins[1].future);
}

int main(int argc, char **argv)
{
    static const struct test reading = {
        .name = "reading",
        .open = open_socket_link,
        .peer_main = reading_main,
        .other = RV_WRITE,
        .ops = {.name = "echo", .poll = echo_poll}};
    static const struct test writing = {
        .name = "writing",
        .open = open_pipe_link,
        .peer_main = writing_main,
        .other = RV_READ,
        .ops = {.name = "fill", .poll = fill_poll}};
    uint32_t count = stress_count(argc, argv, 20000);
    uint32_t len = (count / THREADS / LINKS + 1) / 2 * 2 + 2;
    uint32_t rounds = count / PLACES / THREADS + 1;

    stress_watchdog();
    stress_phase = "misuse";
    STRESS_CHECK(stress_is_loud(wait_in_two_tasks, NULL,
                                "two futures wait for one direction"),
                 "two futures for one direction were silent");
    STRESS_CHECK(rv_runtime_start(&runtime) == 0, "rv_runtime_start");
    run_test(&reading, len);
    run_test(&writing, len);
    churn(rounds);
    rv_runtime_stop(runtime);
    printf("stress_readiness: %u bytes, %u pages, %u sources replaced\n",
           len * THREADS * LINKS, len * THREADS * LINKS,
           rounds * THREADS * PLACES);
    return 0;
}
