/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 07: the learner's three functions on sockets whose other
 * end is the checker's, and exchanges that the plain run does not have.
 *
 * A trial is a future that calls one of the three; the executor and the reactor
 * are the library's. A helper thread is the other end.
 */
#include "slow_server.h"

#include <netinet/tcp.h>

struct trial {
    struct rv_future future;
    long (*go_on)(struct trial *self, struct rv_cx *cx);
    struct stream stream;
    char *data;
    size_t length;
    size_t done;
    size_t piece; /* bytes that are read at a time */
    int polls;
    long result;
};

static enum rv_poll trial_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct trial *self = (struct trial *)future;

    self->polls++;
    self->result = self->go_on(self, cx);
    return self->result == -EAGAIN ? RV_PENDING : RV_READY;
}

static const struct rv_future_ops trial_ops = {.name = "trial",
                                               .poll = trial_poll};

static struct rv_runtime *runtime;

static void start(void)
{
    probe_thread("main");
    if (rv_runtime_start(&runtime) < 0)
        abort();
}

static void run(struct trial *self)
{
    rv_future_init(&self->future, &trial_ops);
    rv_runtime_block_on(runtime, &self->future);
}

static void stop(struct trial *self)
{
    stream_close(&self->stream);
    rv_runtime_stop(runtime);
}

/* Two ends of a connection: one for the trial, and the helper's. */
static int open_pair(struct trial *self)
{
    int pair[2], bytes = 4096;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        abort();
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    self->stream = (struct stream){.fd = pair[0]};
    if (rv_source_open(rv_runtime_reactor(runtime), pair[0],
                       &self->stream.source) < 0)
        abort();
    return pair[1];
}

static void pause_ms(int ms)
{
    probe_quiet(true);
    usleep((useconds_t)ms * 1000);
    probe_quiet(false);
}

/* --- 7.1: connect ------------------------------------------------------ */

static long connect_on(struct trial *self, struct rv_cx *cx)
{
    return connect_poll(&self->stream, cx);
}

/* A port that nobody listens on. */
PROBE_CASE(refused)
{
    struct trial trial = {.go_on = connect_on};
    int port, listener;

    start();
    listener = probe_listen(&port);
    close(listener);
    if (stream_open(&trial.stream, port) < 0)
        abort();
    run(&trial);
    probe_expect(trial.result == -ECONNREFUSED, "ERROR LOST", "connect",
                 trial.result, -ECONNREFUSED, 0);
    stop(&trial);
}

/*
 * The server's queue is full, so the kernel does not answer: the connect takes
 * until there is room, and the kernel tries again (after a second).
 */
static struct {
    int listener;
    int waits;  /* polls that said -EAGAIN */
    bool early; /* 0 was said, and there was no connection */
} queue;

static bool is_connected(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);

    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_state == 1; /* ESTABLISHED */
}

static long connect_late(struct trial *self, struct rv_cx *cx)
{
    const long result = connect_poll(&self->stream, cx);

    if (result == 0 && !is_connected(self->stream.fd))
        queue.early = true;
    /* The second poll is for nothing: it goes on all the same. */
    if (result == -EAGAIN && ++queue.waits == 1)
        rv_waker_wake(&cx->waker);
    if (result == -EAGAIN && queue.waits == 2) {
        probe_quiet(true);
        close(accept(queue.listener, NULL, NULL));
        probe_quiet(false);
    }
    return result;
}

PROBE_CASE(late)
{
    struct trial trial = {.go_on = connect_late};
    struct stream filler;
    int port;

    start();
    queue.listener = probe_listen(&port);
    listen(queue.listener, 0);
    if (stream_open(&trial.stream, port) < 0 || stream_open(&filler, port) < 0)
        abort();
    probe_quiet(true);
    stream_start_connect(&filler);
    usleep(20000); /* it is in the queue */
    probe_quiet(false);
    run(&trial);
    probe_expect(!queue.early && trial.result == 0, "NOT CONNECTED YET",
                 "early", trial.result, trial.polls, 0);
    stop(&trial);
}

/* --- 7.2: send --------------------------------------------------------- */

enum { BYTES = 65536 };

static char sent_data[BYTES], got_data[2 * BYTES];
static size_t got_bytes;

static char byte_at(size_t i)
{
    return (char)(i * 31 + i / 251);
}

static long send_on(struct trial *self, struct rv_cx *cx)
{
    const size_t before = self->done;
    const int result =
        send_all_poll(&self->stream, cx, self->data, self->length, &self->done);

    probe_expect(self->done >= before && self->done <= self->length,
                 "WRONG TEXT", "sent", (long)self->done, (long)before,
                 (long)self->length);
    return result;
}

/* Reads slowly, as /sink does. */
static void *drain(void *end)
{
    const int fd = *(int *)end;
    ssize_t n;

    probe_thread("helper");
    probe_quiet(true);
    while ((n = read(fd, got_data + got_bytes, 1500)) > 0 &&
           got_bytes + 1500 < sizeof(got_data)) {
        got_bytes += (size_t)n;
        usleep(300);
    }
    probe_quiet(false);
    return NULL;
}

PROBE_CASE(short)
{
    struct trial trial = {.go_on = send_on, .data = sent_data, .length = BYTES};
    pthread_t thread;
    size_t same = 0;
    int end;

    start();
    end = open_pair(&trial);
    for (size_t i = 0; i < BYTES; i++)
        sent_data[i] = byte_at(i);
    pthread_create(&thread, NULL, drain, &end);
    run(&trial);
    shutdown(trial.stream.fd, SHUT_WR);
    pthread_join(thread, NULL);
    probe_expect(trial.result == 0, "ERROR LOST", "spurious_number",
                 trial.result, 0, 0);
    probe_expect(got_bytes <= BYTES, "TOO MUCH WRITTEN", "bytes",
                 (long)got_bytes, BYTES, 0);
    probe_expect(got_bytes == BYTES, "TRUNCATED", "sent", (long)got_bytes,
                 BYTES, 0);
    while (same < BYTES && got_data[same] == byte_at(same))
        same++;
    probe_expect(same == BYTES, "WRONG TEXT", "differs", (long)same, BYTES, 0);
    stop(&trial);
}

/* Four messages, and room for all. Nobody reads, so no event comes but that of
 * the registration. */
PROBE_CASE(messages)
{
    struct trial trial = {.go_on = send_on, .data = sent_data, .length = 100};

    start();
    open_pair(&trial);
    for (int i = 0; i < 4; i++) {
        trial.done = 0;
        run(&trial);
        probe_expect(trial.result == 0, "ERROR LOST", "spurious_number",
                     trial.result, 0, 0);
    }
    stop(&trial);
}

static void broken_is_known(void)
{
    probe_if_stuck("ERROR LOST @7.2", "again", 0, 0, 0);
}

static long send_broken(struct trial *self, struct rv_cx *cx)
{
    long result;

    broken_is_known();
    result = send_on(self, cx);
    broken_is_known();
    return result;
}

/* The other end is gone: that is an error, and no reason to wait. */
PROBE_CASE(broken)
{
    struct trial trial = {
        .go_on = send_broken, .data = sent_data, .length = BYTES};

    start();
    close(open_pair(&trial));
    run(&trial);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    probe_expect(trial.result == -EPIPE || trial.result == -ECONNRESET,
                 "ERROR LOST", "send", trial.result, -EPIPE, 0);
    stop(&trial);
}

/* --- 7.3: read --------------------------------------------------------- */

static long read_on(struct trial *self, struct rv_cx *cx)
{
    char piece[64];
    ssize_t n;

    while ((n = read_some_poll(&self->stream, cx, piece, self->piece)) > 0) {
        probe_expect((size_t)n <= self->piece, "WRONG TEXT", "read", (long)n,
                     (long)self->piece, 0);
        for (ssize_t i = 0; i < n && got_bytes < sizeof(got_data); i++)
            got_data[got_bytes++] = piece[i];
    }
    return n;
}

/* Pieces of some bytes, with pauses; the last one together with the end. */
static const int pieces[] = {1, 7, 30, 200, 64, 3};

static void *feed(void *end)
{
    const int fd = *(int *)end;
    size_t at = 0;

    probe_thread("helper");
    probe_quiet(true);
    for (size_t k = 0; k < sizeof(pieces) / sizeof(*pieces); k++) {
        char piece[256];

        usleep(20000);
        for (int i = 0; i < pieces[k]; i++)
            piece[i] = byte_at(at++);
        if (write(fd, piece, (size_t)pieces[k]) != pieces[k])
            abort();
    }
    close(fd);
    probe_quiet(false);
    return NULL;
}

static void read_pieces(size_t size)
{
    struct trial trial = {.go_on = read_on, .piece = size};
    size_t all = 0, same = 0;
    pthread_t thread;
    int end;

    start();
    end = open_pair(&trial);
    for (size_t k = 0; k < sizeof(pieces) / sizeof(*pieces); k++)
        all += (size_t)pieces[k];
    pthread_create(&thread, NULL, feed, &end);
    run(&trial);
    probe_expect(trial.result == 0, "ERROR LOST", "spurious_number",
                 trial.result, 0, 0);
    probe_expect(got_bytes == all, "TRUNCATED", "read", (long)got_bytes,
                 (long)all, 0);
    while (same < all && got_data[same] == byte_at(same))
        same++;
    probe_expect(same == all, "WRONG TEXT", "differs", (long)same, (long)all,
                 0);
    probe_expect(trial.polls <= 40, "BUSY LOOP", "polls", trial.polls, 7, 0);
    pthread_join(thread, NULL);
    stop(&trial);
}

PROBE_CASE(pieces)
{
    read_pieces(64);
}

/* With room for less than what one event brings: it brings no second one. */
PROBE_CASE(drops)
{
    read_pieces(5);
}

/* Nothing can be sent, for the other end reads nothing. What it sends can be
 * read all the same. */
static void *send_one(void *end)
{
    probe_thread("helper");
    probe_quiet(true);
    usleep(50000);
    if (write(*(int *)end, "x", 1) != 1)
        abort();
    probe_quiet(false);
    return NULL;
}

static long read_one(struct trial *self, struct rv_cx *cx)
{
    char byte;

    return read_some_poll(&self->stream, cx, &byte, 1);
}

PROBE_CASE(full)
{
    struct trial trial = {.go_on = read_one};
    pthread_t thread;
    int end;

    start();
    end = open_pair(&trial);
    probe_quiet(true);
    while (send(trial.stream.fd, sent_data, 512, MSG_NOSIGNAL) > 0)
        ;
    probe_quiet(false);
    pthread_create(&thread, NULL, send_one, &end);
    run(&trial);
    probe_expect(trial.result == 1, "TRUNCATED", "read", trial.result, 1, 0);
    pthread_join(thread, NULL);
    stop(&trial);
}

/* --- whole exchanges --------------------------------------------------- */

/* Three at once: nothing of one is kept where another has it too. */
PROBE_CASE(three)
{
    static const char *kinds[] = {"/sink/48", "/drip/10/6", "/big/300"};
    static struct exchange all[3];
    static struct rv_join joins[3];
    struct rv_executor *executor;

    start();
    executor = rv_runtime_executor(runtime);
    for (int i = 0; i < 3; i++) {
        struct exchange *self = rv_alloc(sizeof(*self));

        if (!self)
            abort();
        *self = (struct exchange){.port = probe_port(),
                                  .path = probe_path_of(kinds[i])};
        if (stream_open(&self->stream, probe_port()) < 0)
            abort();
        exchange_write_request(self);
        rv_future_init(&self->future, &exchange_ops);
        if (rv_spawn(executor, &self->future, &joins[i]) < 0)
            abort();
    }
    for (int i = 0; i < 3; i++) {
        const char *text;

        rv_runtime_block_on(runtime, &joins[i].future);
        all[i] = *(struct exchange *)rv_join_output(&joins[i]);
        text = strrchr(all[i].path, '/') + 1;
        probe_expect(all[i].future.result == 0 && strstr(all[i].begin, text),
                     "TRUNCATED", "exchange", i, all[i].future.result,
                     (long)all[i].received);
        stream_close(&all[i].stream);
        free(all[i].request);
        rv_join_drop(&joins[i]);
    }
    rv_runtime_stop(runtime);
}

/* --- the sweep --------------------------------------------------------- */

/*
 * A byte comes; 20,000 are sent for it; only when they are all there, the next
 * byte comes. No end and no new byte can make good for an event that is lost.
 * The runner runs it once for each call of main, and delays that call: room and
 * data come meanwhile.
 */
enum { ROUNDS = 2, ANSWER = 20000 };

static void *ask(void *end)
{
    const int fd = *(int *)end;

    probe_thread("helper");
    probe_quiet(true);
    for (int i = 0; i <= ROUNDS; i++) {
        usleep(20000);
        if (write(fd, "?", 1) != 1)
            abort();
        for (size_t got = 0; i < ROUNDS && got < ANSWER;) {
            const ssize_t n = read(fd, got_data, sizeof(got_data));

            if (n <= 0)
                abort();
            got += (size_t)n;
        }
    }
    probe_quiet(false);
    return NULL;
}

static long answer_on(struct trial *self, struct rv_cx *cx)
{
    while (self->polls > 0) {
        char byte;
        long result;

        if (self->length > 0) {
            result = send_all_poll(&self->stream, cx, sent_data, self->length,
                                   &self->done);
            if (result != 0)
                return result;
            self->length = 0;
        }
        result = read_some_poll(&self->stream, cx, &byte, 1);
        if (result <= 0)
            return result;
        if (self->piece++ == ROUNDS)
            return 0;
        self->length = ANSWER;
        self->done = 0;
    }
    return 0;
}

PROBE_CASE(sweep)
{
    struct trial trial = {.go_on = answer_on};
    pthread_t thread;
    int end;

    start();
    end = open_pair(&trial);
    pthread_create(&thread, NULL, ask, &end);
    run(&trial);
    probe_expect(trial.result == 0, "ERROR LOST", "spurious_number",
                 trial.result, 0, 0);
    pthread_join(thread, NULL);
    stop(&trial);
}
