/* SPDX-License-Identifier: MIT */
/*
 * scale_fairness.c - two firehoses, 10,000 idle connections and an interval of
 * 1 ms on one executor: no task starves.
 *
 * The peers are processes of their own: each firehose writes as fast as it can
 * once it is told to start; the idle ones stay open and silent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "scale/scale.h"

enum {
    IDLE = 10000,
    SPARE_FDS = 64,
    HOSES = 2,
    CHUNK_BYTES = 64 * 1024,
    TICKS = 500,
    /* The most that one firehose may receive in one poll, and that all may
     * receive before a tick that is due: a few rounds. A tick that starves
     * waits for thousands. */
    CHUNKS_A_POLL = RV_IO_BUDGET / (CHUNK_BYTES / 4096) + 1,
    CHUNKS_BEFORE_TICK = 10 * HOSES * CHUNKS_A_POLL,
    SHARE = 10 /* neither firehose gets less than one part in this many */
};

/* --- the peers: other processes, plain system calls --------------------- */

static int dial(uint16_t port)
{
    const struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    SCALE_CHECK(fd >= 0, "peer: socket");
    SCALE_CHECK(connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0,
                "peer: connect");
    return fd;
}

/* Write until the other side is closed. The first byte received is the signal
 * to start. */
_Noreturn static void be_firehose(uint16_t port)
{
    static char chunk[CHUNK_BYTES];
    const int fd = dial(port);

    if (read(fd, chunk, 1) == 1)
        while (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) > 0)
            ;
    _exit(0);
}

/* Connect, and stay idle until the first connection ends. */
_Noreturn static void be_idle(uint16_t port, int count)
{
    const int first = dial(port);
    char byte;

    for (int i = 1; i < count; i++)
        dial(port);
    _exit(read(first, &byte, 1) > 0);
}

static pid_t start_peer(uint16_t port, int idle)
{
    const pid_t child = fork();

    SCALE_CHECK(child >= 0, "fork");
    if (child > 0)
        return child;
    alarm(SCALE_WATCHDOG_S);
    if (idle > 0)
        be_idle(port, idle);
    be_firehose(port);
}

/* --- the tasks ---------------------------------------------------------- */

/* When the next tick is due, and the bytes received since then. This is a
 * count: a busy machine that does something else receives nothing either. */
static int64_t tick_due_ns = RV_NEVER;
static uint32_t chunks_after_due;

struct reader {
    struct rv_future future;
    struct rv_stream stream;
    struct rv_stream_recv recv;
    uint64_t *bytes;
    char *buffer; /* all share one: the contents do not matter */
};

static enum rv_poll reader_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct reader *self = RV_CONTAINER_OF(future, struct reader, future);

    RV_BEGIN(future);
    for (;;) {
        rv_stream_recv_init(&self->recv, &self->stream, self->buffer,
                            CHUNK_BYTES);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result <= 0)
            RV_RETURN(future, self->recv.future.result);
        *self->bytes += (uint64_t)self->recv.future.result;
        chunks_after_due += rv_now_ns() >= tick_due_ns;
    }
    RV_END(future);
}

static void reader_drop(struct rv_future *future)
{
    struct reader *self = RV_CONTAINER_OF(future, struct reader, future);

    rv_drop(&self->recv.future);
    rv_stream_close(&self->stream);
}

/* Reads from the socket. */
static void add_reader(struct rv_scope *scope, struct rv_stream *stream,
                       uint64_t *bytes)
{
    static const struct rv_future_ops ops = {
        .name = "reader", .poll = reader_poll, .drop = reader_drop};
    static char buffer[CHUNK_BYTES];
    struct reader *reader = rv_alloc(sizeof *reader);

    SCALE_CHECK(reader, "no memory");
    rv_future_init(&reader->future, &ops);
    reader->stream = *stream;
    reader->bytes = bytes;
    reader->buffer = buffer;
    SCALE_CHECK(rv_scope_spawn(scope, &reader->future) == 0, "spawn");
}

/* Some ticks of an interval: how late each was, and how much was received
 * before it. */
struct ticker {
    struct rv_future future;
    struct rv_interval every;
    struct scale_late late;
    uint32_t most_chunks;
};

static void saw_tick(struct ticker *self)
{
    scale_saw(&self->late, rv_now_ns() - self->every.tick_ns);
    if (chunks_after_due > self->most_chunks)
        self->most_chunks = chunks_after_due;
}

static enum rv_poll ticker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ticker *self = RV_CONTAINER_OF(future, struct ticker, future);

    RV_BEGIN(future);
    rv_interval_init(&self->every, rv_after_ms(1), RV_NS_PER_MS, RV_TICK_DELAY);
    while (self->late.count < TICKS) {
        rv_interval_next(&self->every);
        tick_due_ns = rv_after_ms(1);
        chunks_after_due = 0;
        RV_AWAIT(future, cx, &self->every.future);
        saw_tick(self);
    }
    tick_due_ns = RV_NEVER;
    RV_RETURN(future, 0);
    RV_END(future);
}

/* --- the scene ----------------------------------------------------------- */

struct scene {
    struct rv_runtime *runtime;
    struct rv_stream listener;
    struct rv_scope tasks;
    uint64_t hose_bytes[HOSES];
    uint64_t idle_bytes;
    pid_t peers[HOSES + 1];
    int idle;
};

static void accept_one(struct scene *scene, struct rv_stream *stream)
{
    struct rv_stream_accept accept;

    rv_stream_accept_init(&accept, &scene->listener, stream);
    SCALE_CHECK(rv_runtime_block_on(scene->runtime, &accept.future) == 0,
                "accept");
}

/* Start each peer and accept its connections, firehoses first; then start the
 * firehoses. */
static void set_up(struct scene *scene, uint16_t port)
{
    struct rv_stream hoses[HOSES];
    struct rv_stream stream;

    for (int i = 0; i < HOSES; i++) {
        scene->peers[i] = start_peer(port, 0);
        accept_one(scene, &hoses[i]);
    }
    scene->peers[HOSES] = start_peer(port, scene->idle);
    for (int i = 0; i < scene->idle; i++) {
        accept_one(scene, &stream);
        add_reader(&scene->tasks, &stream, &scene->idle_bytes);
    }
    for (int i = 0; i < HOSES; i++) {
        SCALE_CHECK(send(rv_stream_fd(&hoses[i]), "!", 1, MSG_NOSIGNAL) == 1,
                    "the word to begin");
        add_reader(&scene->tasks, &hoses[i], &scene->hose_bytes[i]);
    }
}

static uint16_t listen_somewhere(struct scene *scene)
{
    struct rv_addr addr;

    SCALE_CHECK(rv_addr_parse(&addr, "127.0.0.1", 0) == 0, "address");
    SCALE_CHECK(rv_tcp_listen(&scene->listener, &addr) == 0, "listen");
    SCALE_CHECK(rv_tcp_local_addr(&scene->listener, &addr) == 0, "port");
    return rv_addr_port(&addr);
}

static bool is_shared_out(const struct scene *scene)
{
    const uint64_t whole = scene->hose_bytes[0] + scene->hose_bytes[1];

    return scene->hose_bytes[0] * SHARE > whole &&
           scene->hose_bytes[1] * SHARE > whole;
}

/* The firehoses are processes. If the machine has not let one write yet, there
 * is nothing to read; then continue, until the watchdog ends the program. */
static struct ticker run_ticker(struct scene *scene)
{
    static const struct rv_future_ops ops = {.name = "ticker",
                                             .poll = ticker_poll};
    struct ticker ticker = {.late = {.count = 0}};

    do {
        ticker.late.count = 0;
        rv_future_init(&ticker.future, &ops);
        SCALE_CHECK(rv_runtime_block_on(scene->runtime, &ticker.future) == 0,
                    "block_on");
    } while (!is_shared_out(scene));
    return ticker;
}

static void report(const struct scene *scene, const struct ticker *ticker,
                   const char *mode)
{
    const double a = (double)scene->hose_bytes[0];
    const double b = (double)scene->hose_bytes[1];

    scale_report(
        ticker->late.early == 0 && ticker->most_chunks <= CHUNKS_BEFORE_TICK,
        "interval-%s: beside %d idle connections and %d firehoses "
        "%u ticks, at most %u chunks behind time (limit: %d), late by "
        "at most %.2f ms",
        mode, scene->idle, HOSES, ticker->late.count, ticker->most_chunks,
        CHUNKS_BEFORE_TICK, scale_ms(ticker->late.longest_ns));
    scale_report(is_shared_out(scene),
                 "firehoses-%s: %.0f MB and %.0f MB, the smaller has %.0f %%",
                 mode, a / 1e6, b / 1e6, 100 * (a < b ? a : b) / (a + b));
    scale_report(scene->idle_bytes == 0, "idle-%s: %d stayed open", mode,
                 scene->idle);
}

static void measure(enum rv_reactor_mode mode, int idle)
{
    const struct rv_runtime_options options = {.reactor = mode};
    struct scene scene = {.idle = idle};
    struct ticker ticker;

    SCALE_CHECK(rv_runtime_start_with(&scene.runtime, &options) == 0, "start");
    rv_scope_init(&scene.tasks, rv_runtime_executor(scene.runtime));
    set_up(&scene, listen_somewhere(&scene));
    ticker = run_ticker(&scene);
    SCALE_CHECK(rv_executor_tasks(rv_runtime_executor(scene.runtime)) ==
                    (uint32_t)(idle + HOSES),
                "a connection was lost");
    report(&scene, &ticker, mode == RV_REACTOR_FUSED ? "fused" : "thread");
    rv_drop(&scene.tasks.future);
    rv_stream_close(&scene.listener);
    rv_runtime_stop(scene.runtime);
    for (int i = 0; i <= HOSES; i++)
        SCALE_CHECK(waitpid(scene.peers[i], NULL, 0) == scene.peers[i],
                    "waitpid");
}

/* As many as there are descriptors for. */
static int idle_connections(void)
{
    const rlim_t allowed = scale_raise_fds();
    int idle = IDLE;

    if (allowed < IDLE + SPARE_FDS) {
        idle = (int)allowed - SPARE_FDS;
        printf("# no more than %d descriptors are allowed\n", (int)allowed);
    }
    SCALE_CHECK(idle > 0, "too few descriptors");
    return idle;
}

int main(void)
{
    int idle;

    scale_start();
    idle = idle_connections();
    measure(RV_REACTOR_THREAD, idle);
    measure(RV_REACTOR_FUSED, idle);
    return scale_failed;
}
