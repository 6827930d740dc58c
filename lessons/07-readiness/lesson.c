/* SPDX-License-Identifier: MIT */
/*
 * Lesson 07, readiness - when may I read, and when may I write?
 *
 * New here: a socket is connected, sent more than it has room for, and read in
 * pieces; each of the three may have to wait. Reactor, wakers and executor are
 * those of the library, which are what lessons 05 and 06 have built.
 *
 *     program                      kernel                         server
 *     connect_poll()   ------->    connection              <--->  accept
 *     send_all_poll()  ------->    [###### send buffer]    ---->  reads slowly
 *     read_some_poll() <-------    [#### receive buffer ]  <----  response
 *
 * A buffer is a bucket. Full: a send has to wait. Empty: a read has to wait.
 * Read main() at the bottom first, then upwards.
 * Threads: main polls; the library's reactor thread only wakes.
 */
#include "../library.h"

#include <sys/ioctl.h>

/* --- Stream: a socket, and what the reactor knows of it ---------------- */

/*
 * The library keeps for each direction, RV_READ and RV_WRITE, whether a call
 * may succeed:
 *
 *     rv_source_ready(source, direction, &cx->waker, &tick)
 *         true: try the call. false: the waker is left with the reactor, which
 *         wakes the task when that changes.
 *     rv_source_clear(source, direction, tick)
 *         the call said EAGAIN: not ready any more. `tick` is the one of the
 *         rv_source_ready() before that call; if the reactor has had a newer
 *         event meanwhile, this one does nothing.
 *
 * At first both are taken as ready. epoll is edge-triggered: it says once that
 * a bucket has got something (or room), and not again.
 */
struct stream {
    int fd;
    struct rv_source *source; /* NULL: connect() was not called yet */
    int port;
};

/* Returns: 0 or a negative errno; -EINPROGRESS: it has begun. */
static int stream_start_connect(struct stream *self)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)self->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct sockaddr *at = (const struct sockaddr *)&address;

    return connect(self->fd, at, sizeof(address)) < 0 ? -errno : 0;
}

/* Let the reactor know the socket; sets self->source. What has just begun to
 * connect is not ready to be written to. */
static void stream_register(struct stream *self)
{
    uint32_t tick;

    lesson_expect(
        rv_source_open(rv_reactor_current(), self->fd, &self->source) == 0,
        "register");
    rv_source_peek(self->source, RV_WRITE, &tick);
    rv_source_clear(self->source, RV_WRITE, tick);
}

/* How the connect has ended. Returns: 0 or a negative errno. */
static int stream_error(const struct stream *self)
{
    int error = 0;
    socklen_t length = sizeof(error);

    getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return -error;
}
/*@probe #include <poll.h> */
/*@probe static int probe_direction; */
/*@probe static long probe_waits; */
/*@probe static bool probe_ready_of(struct rv_source *source, */
/*@probe                            enum rv_direction direction, */
/*@probe                            const struct rv_waker *waker, uint32_t *tick) */
/*@probe { */
/*@probe     const bool ready = rv_source_ready(source, direction, waker, tick); */
/*@probe     if (!ready) { */
/*@probe         probe_direction = direction; */
/*@probe         probe_waits++; */
/*@probe     } */
/*@probe     return ready; */
/*@probe } */
/*@probe #define rv_source_ready probe_ready_of */
/*@probe static unsigned long probe_connects; */
/*@probe static void probe_nonblocking(int fd, const char *cause) */
/*@probe { */
/*@probe     probe_expect(fcntl(fd, F_GETFL) & O_NONBLOCK, cause, "made_blocking", 0, 0, 0); */
/*@probe } */
/*@probe static int probe_start_connect(struct stream *self) */
/*@probe { */
/*@probe     probe_nonblocking(self->fd, "BLOCKS THE OTHERS @7.1"); */
/*@probe     return stream_start_connect(self); */
/*@probe } */
/*@probe static void probe_register(struct stream *self) */
/*@probe { */
/*@probe     probe_expect(probe_own_count(PROBE_CONNECT) > probe_connects, */
/*@probe                  "NOT CONNECTED YET: registered before connect", "register", 0, 0, 0); */
/*@probe     stream_register(self); */
/*@probe } */
/*@probe #define stream_start_connect probe_start_connect */
/*@probe #define stream_register probe_register */

/*
 * The three functions below answer alike: -EAGAIN: not now, and the waker of cx
 * is left with the reactor; another negative errno: it has failed.
 */

/*@todo 7.1 connect_poll | connect_poll
en: The first time: begin to connect, and register. -EINPROGRESS is no error: it
en: is the EAGAIN of connect(). The socket can be written to when the connect is
en: over; how it has ended, stream_error() says. Returns: 0: connected.
fr: La première fois : commencez la connexion, et abonnez la socket.
fr: -EINPROGRESS n'est pas une erreur : c'est l'EAGAIN de connect(). La socket
fr: est prête en écriture quand la tentative est terminée ; stream_error() dit
fr: si elle a réussi. Renvoie : 0 : connecté.
stub:
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    uint32_t tick;

    (void)cx;
    (void)tick;
    (void)stream_start_connect;
    (void)stream_register;
    (void)stream_error;
    return self->source ? 0 : -ENOSYS;
}
*/
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    uint32_t tick;

    if (!self->source) {
        const int error = stream_start_connect(self);

        if (error && error != -EINPROGRESS)
            return error;
        stream_register(self);
    }
    if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    return stream_error(self);
}
/*@end 7.1*/

/*@todo 7.2 send_all_poll | send_all_poll
en: Send the data from *sent on; a send may take less than it is given. It is
en: called again after -EAGAIN, and goes on where it was. Returns: 0: all sent.
fr: Envoyez les données à partir de *sent ; un send peut en prendre moins qu'on
fr: ne lui en donne. Après -EAGAIN elle est rappelée, et continue où elle en
fr: était. Renvoie : 0 : tout est envoyé.
stub:
static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    uint32_t tick;

    (void)cx;
    (void)tick;
    (void)length;
    send(self->fd, data, 0, MSG_NOSIGNAL);
    return *sent == 0 ? -ENOSYS : 0;
}
*/
static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    uint32_t tick;

    while (*sent < length) {
        ssize_t n;

        if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
            return -EAGAIN;
        n = send(self->fd, data + *sent, length - *sent, MSG_NOSIGNAL);
        if (n >= 0)
            *sent += (size_t)n;
        else if (errno == EAGAIN)
            rv_source_clear(self->source, RV_WRITE, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/

/*@todo 7.3 read_some_poll | read_some_poll
en: Read what is there, at most `size` bytes. Returns: how many; 0: the end.
fr: Lisez ce qui est là, au plus `size` octets. Renvoie : combien ; 0 : la fin.
stub:
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    (void)cx;
    (void)tick;
    (void)buffer;
    (void)size;
    return self->source ? -ENOSYS : 0;
}
*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, 0);

        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            rv_source_clear(self->source, RV_READ, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
/*@end 7.3*/
/*@probe #undef rv_source_ready */
/*@probe #undef stream_start_connect */
/*@probe #undef stream_register */
/*@probe static unsigned long probe_empty; */
/*@probe static void probe_begin(void) */
/*@probe { */
/*@probe     probe_direction = -1; */
/*@probe     probe_waits = 0; */
/*@probe     probe_empty = probe_own_count(PROBE_WOULD_BLOCK); */
/*@probe } */
/*@probe static long probe_goes(int fd, int direction) */
/*@probe { */
/*@probe     struct pollfd one = {.fd = fd, .events = POLLOUT}; */
/*@probe     int bytes = 0; */
/*@probe     if (direction == RV_READ) */
/*@probe         return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : 0; */
/*@probe     probe_quiet(true); */
/*@probe     bytes = poll(&one, 1, 0) > 0; */
/*@probe     probe_quiet(false); */
/*@probe     return bytes; */
/*@probe } */
/*@probe static void probe_wait(int fd, int direction, int what) */
/*@probe { */
/*@probe     const bool tried = probe_own_count(PROBE_WOULD_BLOCK) > probe_empty; */
/*@probe     const long goes = probe_goes(fd, direction); */
/*@probe     if (probe_waits == 0) */
/*@probe         probe_if_stuck(what == 1   ? "LOST WAKE: nothing registered @7.1" */
/*@probe                        : what == 2 ? "LOST WAKE: nothing registered @7.2" */
/*@probe                                    : "LOST WAKE: nothing registered @7.3", */
/*@probe                        "unasked", 0, 0, 0); */
/*@probe     else if (probe_direction != direction) */
/*@probe         probe_if_stuck(what == 1   ? "WRONG INTEREST @7.1" */
/*@probe                        : what == 2 ? "WRONG INTEREST @7.2" */
/*@probe                                    : "WRONG INTEREST @7.3", */
/*@probe                        "direction", 0, 0, 0); */
/*@probe     else if (goes > 0 && tried) */
/*@probe         probe_if_stuck(what == 2 ? "LOST WAKE: event thrown away @7.2" */
/*@probe                                  : "LOST WAKE: event thrown away @7.3", */
/*@probe                        "cleared", goes, 0, 0); */
/*@probe     else if (goes > 0 && what == 2) */
/*@probe         probe_if_stuck("LOST WAKE: cleared without EAGAIN @7.2", "cleared", goes, 0, 0); */
/*@probe     else if (goes > 0 && direction == RV_READ) */
/*@probe         probe_if_stuck("NOT DRAINED", "waits", goes, 0, 0); */
/*@probe } */
/*@probe static long probe_end(long result, int fd, int direction, int what) */
/*@probe { */
/*@probe     probe_if_stuck(NULL, NULL, 0, 0, 0); */
/*@probe     probe_nonblocking(fd, what == 1   ? "BLOCKS THE OTHERS @7.1" */
/*@probe                           : what == 2 ? "BLOCKS THE OTHERS @7.2" */
/*@probe                                       : "BLOCKS THE OTHERS @7.3"); */
/*@probe     if (result == -EAGAIN) */
/*@probe         probe_wait(fd, direction, what); */
/*@probe     return result; */
/*@probe } */
/*@probe static int probe_connect_poll(struct stream *self, struct rv_cx *cx) */
/*@probe { */
/*@probe     int result; */
/*@probe     probe_begin(); */
/*@probe     probe_buckets(self->fd, 1, 2); */
/*@probe     probe_connects = probe_own_count(PROBE_CONNECT); */
/*@probe     result = connect_poll(self, cx); */
/*@probe     probe_expect(result != -EINPROGRESS, "TAKEN FOR AN ERROR", "progress", 0, 0, 0); */
/*@probe     probe_expect(result != -EALREADY, "TAKEN FOR AN ERROR: still connecting", */
/*@probe                  "already", 0, 0, 0); */
/*@probe     return (int)probe_end(result, self->fd, RV_WRITE, 1); */
/*@probe } */
/*@probe static int probe_send_all_poll(struct stream *self, struct rv_cx *cx, */
/*@probe                                const char *data, size_t length, size_t *sent) */
/*@probe { */
/*@probe     int result; */
/*@probe     static long probe_sent_before[64]; */
/*@probe     long bytes; */
/*@probe     if (probe_sent_bytes(self->fd) < probe_sent_before[self->fd % 64]) */
/*@probe         probe_sent_before[self->fd % 64] = 0; */
/*@probe     probe_begin(); */
/*@probe     result = send_all_poll(self, cx, data, length, sent); */
/*@probe     bytes = probe_sent_bytes(self->fd) - probe_sent_before[self->fd % 64]; */
/*@probe     probe_expect(bytes <= (long)length, "TOO MUCH WRITTEN", "bytes", bytes, */
/*@probe                  (long)length, 0); */
/*@probe     if (result == 0) */
/*@probe         probe_sent_before[self->fd % 64] += bytes; */
/*@probe     if (result == 0) */
/*@probe         probe_expect(bytes == (long)length, "TRUNCATED", "sent", bytes, */
/*@probe                      (long)length, 0); */
/*@probe     return (int)probe_end(result, self->fd, RV_WRITE, 2); */
/*@probe } */
/*@probe static bool probe_not_over(int fd) */
/*@probe { */
/*@probe     char byte; */
/*@probe     ssize_t n; */
/*@probe     probe_quiet(true); */
/*@probe     n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT); */
/*@probe     probe_quiet(false); */
/*@probe     return n > 0 || (n < 0 && errno == EAGAIN); */
/*@probe } */
/*@probe static ssize_t probe_read_some_poll(struct stream *self, struct rv_cx *cx, */
/*@probe                                     char *buffer, size_t size) */
/*@probe { */
/*@probe     const long before = probe_taken_bytes(self->fd); */
/*@probe     ssize_t result; */
/*@probe     probe_begin(); */
/*@probe     result = read_some_poll(self, cx, buffer, size); */
/*@probe     if (result > 0 && probe_peeked(self->fd)) */
/*@probe         probe_expect(probe_taken_bytes(self->fd) - before >= result, "NOT TAKEN", */
/*@probe                      "read", result, probe_taken_bytes(self->fd) - before, 0); */
/*@probe     if (result == 0 && probe_not_over(self->fd)) */
/*@probe         probe_fail("TRUNCATED: not the end @7.3", "empty", 0, 0, 0); */
/*@probe     return probe_end(result, self->fd, RV_READ, 3); */
/*@probe } */
/*@probe #define connect_poll probe_connect_poll */
/*@probe #define send_all_poll probe_send_all_poll */
/*@probe #define read_some_poll probe_read_some_poll */

/* A small send buffer, so that it is full soon. Returns: a negative errno. */
static int stream_open(struct stream *self, int port)
{
    const int bytes = 8192;

    self->port = port;
    self->source = NULL;
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return -errno;
    setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return 0;
}

static void stream_close(struct stream *self)
{
    rv_source_close(self->source); /* epoll first, then the socket */
    close(self->fd);
}

/* --- Exchange: a request and its response ------------------------------ */

struct exchange {
    struct rv_future future; /* first member: a pointer to it can be cast */
    enum { CONNECT, SEND, READ } state;
    struct stream stream;
    int port;
    const char *path;
    char *request; /* owned */
    size_t length; /* of it */
    size_t sent;
    size_t received; /* of the response */
    char begin[256]; /* of the response, for the log */
};

enum { BODY_KB = 1024 };
/* POST /sink/KB/... has a body of KB kilobytes, which the server reads slowly.
 * All others are GETs. */
static void exchange_write_request(struct exchange *self)
{
    size_t kb = 0;
    int head;

    if (sscanf(self->path, "/sink/%zu", &kb) != 1 || kb > BODY_KB)
        kb = 0;
    self->request = calloc(512 + kb * 1024, 1);
    lesson_expect(self->request != NULL, "out of memory");
    head = snprintf(self->request, 512,
                    "%s %.300s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                    kb ? "POST" : "GET", self->path, kb * 1024);
    memset(self->request + head, '.', kb * 1024);
    self->length = (size_t)head + kb * 1024;
}

/* Returns: -EAGAIN: not at its end; 0; another negative errno. */
static int exchange_read(struct exchange *self, struct rv_cx *cx)
{
    char piece[16384];
    int waiting = 0;
    ssize_t n;

    ioctl(self->stream.fd, FIONREAD, &waiting);
    if (self->received == 0 && waiting > 0)
        lesson_logf("%d bytes of the response lie in the kernel", waiting);
    while ((n = read_some_poll(&self->stream, cx, piece, sizeof(piece))) > 0) {
        const size_t at = self->received;

        if (at < sizeof(self->begin))
            snprintf(self->begin + at, sizeof(self->begin) - at, "%.*s", (int)n,
                     piece);
        self->received += (size_t)n;
    }
    return (int)n;
}

static int exchange_go_on(struct exchange *self, struct rv_cx *cx)
{
    int error;

    switch (self->state) {
    case CONNECT:
        error = connect_poll(&self->stream, cx);
        if (error)
            return error;
        lesson_log("Connected");
        self->state = SEND;
        __attribute__((fallthrough));
    case SEND:
        error = send_all_poll(&self->stream, cx, self->request, self->length,
                              &self->sent);
        if (error)
            return error;
        lesson_logf("All %zu bytes of the request are sent", self->length);
        self->state = READ;
        __attribute__((fallthrough));
    case READ:
        return exchange_read(self, cx);
    }
    return -EINVAL;
}

static enum rv_poll exchange_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct exchange *self = (struct exchange *)future;
    const char *body;

    future->result = exchange_go_on(self, cx);
    if (future->result == -EAGAIN) {
        lesson_log("Not ready - wait");
        return RV_PENDING;
    }
    body = strstr(self->begin, "\r\n\r\n");
    if (future->result == 0)
        lesson_logf("%zu bytes of a response: %.24s", self->received,
                    body ? body + 4 : "");
    return RV_READY;
}

static const struct rv_future_ops exchange_ops = {.name = "exchange",
                                                  .poll = exchange_poll};

static int exchange_run(struct rv_runtime *runtime, int port, const char *path)
{
    struct exchange self = {.port = port, .path = path};
    int error = stream_open(&self.stream, port);

    if (error)
        return error;
    exchange_write_request(&self);
    rv_future_init(&self.future, &exchange_ops);
    error = rv_runtime_block_on(runtime, &self.future);
    stream_close(&self.stream);
    free(self.request);
    return error;
}

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    const int port = lesson_start(
        argc, argv,
        "Lesson 07: send more than there is room for, read in pieces.", NULL);
    struct rv_runtime *runtime;
    int error = 0;

    lesson_count();
    lesson_unwrap(rv_runtime_start(&runtime), "runtime");
    for (int i = 0; i < lesson_path_count() && !error; i++)
        error = exchange_run(runtime, port, lesson_path(i));
    rv_runtime_stop(runtime);
    lesson_take_figures();
    return lesson_end(error);
}
