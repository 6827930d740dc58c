/* SPDX-License-Identifier: MIT */
/*
 * test_calls.c - the examples at the heads of public headers that wait in a
 * coroutine, run; see test_headers.c.
 *
 * Names and ports that such an example has, and a test cannot use, are replaced
 * by macros around its block.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <linux/io_uring.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/hosts.h"

RV_TEST_SUITE(heads);

/* A test whose body is a coroutine: it returns 0, or HOST_CHECK() fails. */
#define HEAD(name)                                                      \
    static int32_t name##_head(void *arg);                              \
    RV_TEST(heads, name)                                                \
    {                                                                   \
        const struct rv_run_options options = {.no_signals = true};     \
                                                                        \
        rv_host_check(rv_run_with(name##_head, NULL, &options), #name); \
    }                                                                   \
    static int32_t name##_head(void *arg __attribute__((unused)))

/* --- a whole program --------------------------------------------------- */

#define main head_main
/* from run.h */
static int32_t hello(void *name)
{
    rv_coro_sleep_until(rv_after_ms(10));
    printf("hello, %s\n", (char *)name);
    return 0;
}

int main(void);
int main(void)
{
    return rv_run(hello, "world") < 0;
}
/* end */
#undef main

RV_TEST(heads, run)
{
    cr_assert_eq(head_main(), 0);
}

/* --- an echo server, which the next examples use ----------------------- */

static uint16_t port_of_echo; /* 0: it does not listen yet */

static int listen_anywhere(struct rv_stream *out)
{
    struct rv_addr addr = {0};
    int error = rv_tcp_listen_at(out, "127.0.0.1", 0);

    if (!error)
        error = rv_tcp_local_addr(out, &addr);
    port_of_echo = rv_addr_port(&addr);
    return error;
}

#define rv_tcp_listen_at(out, host, port) listen_anywhere(out)
/* from serve.h */
static int32_t echo(struct rv_stream *stream, void *arg)
{
    char text[4096];
    int n;

    (void)arg;
    while ((n = rv_stream_recv(stream, text, sizeof text, RV_NEVER)) > 0)
        if (rv_stream_send(stream, text, (size_t)n, RV_NEVER) < 0)
            break;
    return 0;
}

static int32_t serve(void *arg)
{
    struct rv_stream listener;
    int error;

    (void)arg;
    error = rv_tcp_listen_at(&listener, "*", 7);
    if (!error)
        error = rv_serve(&listener, echo, NULL, NULL);
    return error;
}
/* end */
#undef rv_tcp_listen_at

static struct rv_join server_join;

/* Returns: the port of the echo server. */
static uint16_t start_echo(void)
{
    rv_coro_spawn(rv_executor_current(), serve, NULL, NULL, &server_join);
    while (port_of_echo == 0)
        rv_coro_yield();
    return port_of_echo;
}

static int stop_echo(void)
{
    int result;

    rv_coro_cancel(&server_join);
    result = rv_await(&server_join.future);
    rv_join_drop(&server_join);
    return result;
}

HEAD(net)
{
    const uint16_t echo_port = start_echo();

#define rv_dial(host, port, out, deadline) \
    (rv_dial)("localhost", echo_port, out, deadline)
    /* from net.h */
    struct rv_stream stream;
    char text[64];
    int n = rv_dial("example.org", 7, &stream, rv_after_ms(5000));

    if (n == 0)
        n = rv_stream_send(&stream, "ping", 4, rv_after_ms(1000));
    if (n == 0)
        n = rv_stream_recv(&stream, text, sizeof text, rv_after_ms(1000));
    rv_stream_close(&stream);
    /* end */
    HOST_CHECK(n > 0 && memcmp(text, "ping", (size_t)n) == 0);
    HOST_CHECK(stop_echo() == -ECANCELED);
    return 0;
}

static int dial_head(uint16_t echo_port, struct rv_stream *out)
{
    /* from resolve.h */
    struct rv_stream stream;
    int error = rv_dial("example.org", 80, &stream, rv_after_ms(5000));

    if (error)
        return error;
    /* end */
    *out = stream;
    return 0;
}

HEAD(resolve)
{
    struct rv_stream stream;

    HOST_CHECK(dial_head(start_echo(), &stream) == 0);
    rv_stream_close(&stream);
    stop_echo();
    return 0;
}

HEAD(io)
{
    struct rv_stream stream;
    const uint16_t echo_port = start_echo();

    HOST_CHECK(rv_dial("", 0, &stream, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_send(&stream, "ping", 4, RV_NEVER) == 0);
    {
        /* from io.h */
        struct rv_stream_io tcp;
        char text[512];
        int n;

        rv_stream_io_init(&tcp, &stream);
        n = rv_io_read(&tcp.io, text, sizeof text, rv_after_ms(5000));
        if (n > 0)
            n = rv_io_write_all(&tcp.io, text, (size_t)n, RV_NEVER);
        if (n == 0)
            n = rv_io_shutdown(&tcp.io, RV_NEVER);
        /* end */
        HOST_CHECK(n == 0);
    }
    rv_stream_close(&stream);
    stop_echo();
    return 0;
}

static int relay_it(struct rv_stream *const pair, uint16_t echo_port)
{
#define client pair[0]
#define host   ""
#define port   0
    struct rv_stream server;
    /* from relay.h */
    char buffer[32768];
    int error = rv_dial(host, port, &server, rv_after_ms(5000));

    if (!error)
        error = rv_stream_relay(&client, &server, buffer, sizeof buffer,
                                60 * RV_NS_PER_S, RV_NEVER);
    rv_stream_close(&server);
    /* end */
#undef port
#undef host
#undef client
    return error;
}

HEAD(relay)
{
    const uint16_t echo_port = start_echo();
    struct rv_stream pair[2];
    char text[5] = "";
    size_t got;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(rv_stream_send(&pair[1], "ping", 4, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_shutdown_write(&pair[1]) == 0);
    HOST_CHECK(relay_it(pair, echo_port) == 0);
    HOST_CHECK(rv_stream_recv_whole(&pair[1], text, 4, &got, RV_NEVER) == 0);
    HOST_CHECK(strcmp(text, "ping") == 0);
    rv_stream_close(&pair[0]);
    rv_stream_close(&pair[1]);
    stop_echo();
    return 0;
}
#undef rv_dial

HEAD(backoff)
{
    const int64_t deadline = rv_after_ms(20);
    struct rv_stream stream;
    int error;
    int tries = 0;

#define rv_dial(host, port, out, deadline) (tries++, -ECONNREFUSED)
    /* from backoff.h */
    struct rv_backoff backoff;

    rv_backoff_init(&backoff, 50 * RV_NS_PER_MS, 5 * RV_NS_PER_S, deadline);
    do {
        error = rv_dial("localhost", 5432, &stream, deadline);
    } while (error && rv_backoff_wait(&backoff) == 0);
    /* end */
#undef rv_dial
    (void)stream;
    HOST_CHECK(error == -ECONNREFUSED);
    HOST_CHECK(tries == 1);
    return 0;
}

HEAD(unix)
{
    struct rv_stream server;
    struct rv_stream client;
    struct rv_stream listener;
    char path[64];
    int error;

    snprintf(path, sizeof path, "@reveil-heads-%d", (int)getpid());
#define rv_unix_listen(listener, where) (rv_unix_listen)(listener, path)
#define rv_unix_connect(where, out, deadline) \
    (rv_unix_connect)(path, out, deadline)
    /* from unix.h */
    rv_unix_listen(&listener, "/run/user/1000/chat");

    error = rv_unix_connect("/run/user/1000/chat", &client, rv_after_ms(1000));
    if (!error)
        error = rv_stream_accept(&listener, &server, NULL, RV_NEVER);
    /* end */
    HOST_CHECK(error == 0);
    rv_stream_close(&server);
    rv_stream_close(&client);
    rv_stream_close(&listener);
    return 0;
}

static int answer_datagram(struct rv_udp *const socket)
{
#define udp (*socket)
    /* from udp.h */
    struct rv_addr from;
    char text[1500];
    int n = rv_udp_recv_from(&udp, text, sizeof text, &from, RV_NEVER);

    if (n >= 0)
        n = rv_udp_send_to(&udp, text, (size_t)n, &from, RV_NEVER);
        /* end */
#undef udp
    return n;
}

HEAD(udp)
{
    struct rv_addr addr;
    struct rv_udp one;
    struct rv_udp other;
    char text[4];

    rv_addr_parse(&addr, "127.0.0.1", 0);
    HOST_CHECK(rv_udp_bind(&one, &addr) == 0);
    HOST_CHECK(rv_udp_bind(&other, &addr) == 0);
    HOST_CHECK(rv_udp_local_addr(&one, &addr) == 0);
    HOST_CHECK(rv_udp_send_to(&other, "ping", 4, &addr, RV_NEVER) >= 0);
    HOST_CHECK(answer_datagram(&one) >= 0);
    HOST_CHECK(rv_udp_recv_from(&other, text, 4, NULL, RV_NEVER) == 4);
    rv_udp_close(&one);
    rv_udp_close(&other);
    return 0;
}

/* --- descriptors, lines, files ----------------------------------------- */

/* stdin becomes a pipe with this text, at its end. */
static bool stdin_is(const char *text)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], text, strlen(text)) < 0 ||
        dup2(ends[0], 0) < 0)
        return false;
    close(ends[0]);
    close(ends[1]);
    return true;
}

static int lines;
#define puts(text) ((void)(text), lines++)

HEAD(fd_io)
{
    int error;

    HOST_CHECK(stdin_is("one\ntwo\n"));
    {
        /* from fd_io.h */
        struct rv_fd_io in;
        struct rv_reader reader;
        struct rv_text line;
        char memory[4096];

        error = rv_fd_io_init(&in, STDIN_FILENO);
        rv_reader_init(&reader, &in.io, memory, sizeof memory);
        while (!error && rv_reader_line(&reader, &line, RV_NEVER) == 1)
            puts(line.data);
        rv_fd_io_fini(&in);
        /* end */
    }
    HOST_CHECK(error == 0 && lines == 2);
    return 0;
}

static int read_lines(struct rv_io *io)
{
    /* from reader.h */
    struct rv_reader reader;
    struct rv_text line;
    char memory[4096];
    int n;

    rv_reader_init(&reader, io, memory, sizeof memory);
    while ((n = rv_reader_line(&reader, &line, rv_after_ms(60000))) == 1)
        puts(line.data);
    /* end */
    return n;
}

HEAD(reader)
{
    struct rv_fd_io in;

    HOST_CHECK(stdin_is("one\n\nthree\n"));
    HOST_CHECK(rv_fd_io_init(&in, STDIN_FILENO) == 0);
    HOST_CHECK(read_lines(&in.io) == 0);
    HOST_CHECK(lines == 3);
    rv_fd_io_fini(&in);
    return 0;
}

HEAD(dir)
{
    /* from dir.h */
    struct rv_dir dir;
    struct rv_dir_entry entry;
    int n;

    rv_dir_init(&dir, "/tmp");
    while ((n = rv_dir_next(&dir, &entry, RV_NEVER)) == 1)
        puts(entry.name);
    rv_dir_close(&dir);
    /* end */
    HOST_CHECK(n == 0);
    return 0;
}
#undef puts

static struct rv_fd_watch *watched;

/* The second time there is nothing more to watch. */
static void read_events(int inotify)
{
    char events[4096];

    if (read(inotify, events, sizeof events) > 0)
        rv_fd_watch_close(watched);
}

HEAD(fd)
{
    char folder[] = "/tmp/reveil-heads-XXXXXX";
    const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    HOST_CHECK(mkdtemp(folder));
    HOST_CHECK(inotify_add_watch(inotify, folder, IN_DELETE_SELF) > 0);
    rmdir(folder);
    {
        /* from fd.h */
        struct rv_fd_watch watch;
        int error = rv_fd_watch_open(&watch, inotify);

        watched = &watch;
        while (!error && !(error = rv_fd_readable(&watch, RV_NEVER)))
            read_events(inotify);
        rv_fd_watch_close(&watch);
        /* end */
        HOST_CHECK(error == -EBADF);
    }
    close(inotify);
    return 0;
}

HEAD(path_and_file)
{
    static const char data[] = "a job";
    const size_t len = sizeof data - 1;
    char folder[] = "/tmp/reveil-heads-XXXXXX";
    int error;

    HOST_CHECK(mkdtemp(folder) && chdir(folder) == 0);
    /* from path.h */
    error = rv_path_mkdir("spool", 0700, RV_NEVER);
    if (!error)
        error = rv_file_write_all("spool/new", 0600, data, len, true, RV_NEVER);
    if (!error)
        error = rv_path_rename("spool/new", "spool/job", RV_NEVER);
    /* end */
    HOST_CHECK(error == 0);
    HOST_CHECK(rename("spool/job", "notes") == 0);
    {
        /* from file.h */
        struct rv_file *file;
        char text[4096];
        int n = rv_file_open(&file, "notes", O_RDONLY, 0, RV_NEVER);

        if (n == 0) {
            n = rv_file_read(file, text, sizeof text, 0, RV_NEVER);
            rv_file_close(&file, RV_NEVER);
        }
        /* end */
        HOST_CHECK(n == (int)len && memcmp(text, data, len) == 0);
    }
    HOST_CHECK(unlink("notes") == 0 && rmdir("spool") == 0);
    HOST_CHECK(rmdir(folder) == 0);
    return 0;
}

/* --- signals, processes, channels -------------------------------------- */

HEAD(signal)
{
    struct rv_signals signals;
    sigset_t set;
    int number;

    /* from signal.h */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    rv_signals_open(&signals, &set);
    kill(getpid(), SIGINT);
    number = rv_signal_wait(&signals, RV_NEVER);
    rv_signals_close(&signals);
    /* end */
    HOST_CHECK(number == SIGINT);
    return 0;
}

HEAD(process)
{
    struct rv_process sort;
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int ends[2];
    int error = pipe2(ends, O_CLOEXEC);
    const int out = ends[1];

    HOST_CHECK(error == 0 && in >= 0);
    {
        /* from process.h */
        char *argv[] = {"sort", "-u", NULL};
        const struct rv_process_files files = {.in = in, .out = out};

        int exit_code;
        int signal;

        error = rv_process_spawn(&sort, argv, NULL, &files);
        if (!error)
            error = rv_process_wait(&sort, &exit_code, &signal, RV_NEVER);
        rv_process_close(&sort);
        /* end */
        if (error != -ENOSYS) /* an old valgrind */
            HOST_CHECK(error == 0 && exit_code == 0 && signal == 0);
    }
    close(in);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static int sum;

static void use(int number)
{
    sum += number;
}

HEAD(bounded)
{
    struct rv_bounded_sender *sender;
    struct rv_bounded_sender *another;
    struct rv_bounded_receiver *receiver;
    int number = 42;
    int error;

    /* from bounded.h */
    rv_bounded_new(&sender, &receiver, sizeof(int), 100, NULL);
    rv_bounded_sender_clone(sender, &another);
    error = rv_bounded_send(another, &number, rv_after_ms(1000));
    rv_bounded_sender_close(sender);
    rv_bounded_sender_close(another);
    while (rv_bounded_recv(receiver, &number, RV_NEVER) == 0)
        use(number);
    /* end */
    rv_bounded_receiver_close(receiver);
    HOST_CHECK(error == 0 && sum == 42);
    return 0;
}

struct shared {
    struct rv_mutex mutex;
};

HEAD(sync)
{
    struct shared shared;
    struct shared *const state = &shared;
    int error;

    rv_mutex_init(&state->mutex);
    /* from sync.h */
    error = rv_mutex_lock(&state->mutex, RV_NEVER);
    if (!error) {
        rv_coro_yield();
        rv_mutex_unlock(&state->mutex);
    }
    /* end */
    HOST_CHECK(error == 0 && rv_mutex_try_lock(&state->mutex) == 0);
    rv_mutex_unlock(&state->mutex);
    rv_mutex_fini(&state->mutex);
    return 0;
}

/* --- HTTP -------------------------------------------------------------- */

/* from http_exchange.h */
static int32_t upload(struct rv_http_exchange *x, void *data)
{
    char piece[4096];
    uint64_t total = 0;
    int n;

    (void)data;
    while ((n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
        total += (uint64_t)n;
    if (n < 0)
        return n;
    return rv_http_reply(x, total ? 201 : 400, NULL, "", 0);
}
/* end */

static struct rv_addr http_addr;

#define rv_http_server_init(server, addr, handler) \
    init_and_ask(server, addr, handler)
static int init_and_ask(struct rv_http_server *server,
                        const struct rv_addr *addr,
                        const struct rv_http_handler *handler)
{
    (rv_http_server_init)(server, addr, handler);
    return rv_http_server_addr(server, &http_addr);
}

/* from http_server.h */
static int32_t say_hello(struct rv_http_exchange *x, void *data);
#define hello say_hello
static int32_t hello(struct rv_http_exchange *x, void *data)
{
    (void)data;
    return rv_http_reply(x, 200, "text/plain", "hello\n", 6);
}
static const struct rv_http_handler handler = {.run = hello};

static int32_t serve_http(void *arg)
{
    struct rv_http_server server;
    struct rv_addr addr;

    (void)arg;
    rv_addr_parse(&addr, "127.0.0.1", 0);
    rv_http_server_init(&server, &addr, &handler);
    return rv_http_serve(&server, 5 * RV_NS_PER_S);
}
/* end */
#undef hello
#undef rv_http_server_init

static int32_t serve_uploads(void *arg)
{
    static const struct rv_http_handler uploads = {.run = upload};
    struct rv_http_server server;
    struct rv_addr addr;

    (void)arg;
    rv_addr_parse(&addr, "127.0.0.1", 0);
    init_and_ask(&server, &addr, &uploads);
    return rv_http_serve(&server, RV_NS_PER_S);
}

/* Run fetch(url) beside a server. Returns: what it does. */
static int with_server(rv_coro_entry server, int (*fetch)(const char *url))
{
    struct rv_join join;
    char url[64];
    int result;

    rv_coro_spawn(rv_executor_current(), server, NULL, NULL, &join);
    while (http_addr.len_bytes == 0)
        rv_coro_yield();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", rv_addr_port(&http_addr));
    result = fetch(url);
    rv_coro_cancel(&join);
    rv_await(&join.future);
    rv_join_drop(&join);
    return result;
}

static int get_hello(const char *url)
{
    struct rv_http_get get;
    int error = rv_http_get_init(&get, url);

    if (!error)
        error = rv_http_fetch(&get, rv_after_ms(60000));
    if (!error && (get.body_len_bytes != 6 || get.status != 200))
        error = -EBADMSG;
    rv_drop(&get.future);
    return error;
}

HEAD(http_server)
{
    HOST_CHECK(with_server(serve_http, get_hello) == 0);
    return 0;
}

static int post(const char *local)
{
    struct rv_http_get get;
    int error;

#define rv_http_request_init(get, method, url) \
    (rv_http_request_init)(get, method, local)
    /* from http_client.h */
    error = rv_http_request_init(&get, "POST", "http://localhost/users");
    if (error == 0)
        error = rv_http_get_add_header(&get, "Content-Type", "text/plain");
    if (error == 0) {
        rv_http_get_send(&get, "Ann", 3);
        error = rv_http_fetch(&get, rv_after_ms(5000));
    }
    if (error == 0)
        fwrite(get.body, 1, get.body_len_bytes, stdout);
    rv_drop(&get.future);
    /* end */
    return error ? error : get.status;
}

HEAD(http_client)
{
    HOST_CHECK(with_server(serve_uploads, post) == 201);
    return 0;
}

static int some_file(void)
{
    const int fd = memfd_create("big.iso", MFD_CLOEXEC);

    return write(fd, "a file", 6) == 6 && lseek(fd, 0, SEEK_SET) == 0 ? fd : -1;
}

static int put_a_file(const char *local)
{
    struct rv_http_reader reader;
    struct rv_http_get get;
    int error;
    int fd;

#define open(path, flags) some_file()
#define url               local
    /* from http_source.h */
    fd = open("big.iso", O_RDONLY | O_CLOEXEC);
    rv_http_reader_init(&reader, fd);
    rv_http_request_init(&get, "PUT", url);
    rv_http_get_send_from(&get, &reader.source, reader.len_bytes);
    error = rv_http_fetch(&get, rv_after_ms(60000));
    rv_drop(&get.future);
    rv_http_reader_drop(&reader);
    close(fd);
    /* end */
#undef url
#undef open
    return error ? error : get.status;
}

HEAD(http_source)
{
    HOST_CHECK(with_server(serve_uploads, put_a_file) == 201);
    return 0;
}

static int download(const char *url)
{
    /* from http_sink.h */
    struct rv_http_file file = {0};
    struct rv_http_get get;
    int error = rv_http_get_init(&get, url);

    if (!error)
        error = rv_http_file_init(&file, AT_FDCWD, "big.iso");
    if (!error) {
        rv_http_get_into(&get, &file.sink);
        error = rv_http_fetch(&get, rv_after_ms(60000));
    }
    if (!error && get.status != 200)
        error = -EBADMSG;
    rv_drop(&get.future);
    rv_http_file_drop(&file);
    /* end */
    return error;
}

HEAD(http_sink)
{
    char folder[] = "/tmp/reveil-heads-XXXXXX";
    char said[16] = "";
    int fd;

    HOST_CHECK(mkdtemp(folder) && chdir(folder) == 0);
    HOST_CHECK(with_server(serve_http, download) == 0);
    fd = open("big.iso", O_RDONLY | O_CLOEXEC);
    HOST_CHECK(read(fd, said, sizeof said) == 6);
    HOST_CHECK(memcmp(said, "hello\n", 6) == 0);
    close(fd);
    HOST_CHECK(unlink("big.iso") == 0 && rmdir(folder) == 0);
    return 0;
}

static int layer_opens;

/* from http_layer.h */
static int clear_open(struct rv_http_layer *layer, struct rv_io *lower,
                      const char *host, struct rv_io **out)
{
    (void)layer;
    (void)host;
    layer_opens++;
    *out = lower;
    return 0;
}

static void clear_close(struct rv_http_layer *layer, struct rv_io *io)
{
    (void)layer;
    (void)io;
    layer_opens--;
}

static const struct rv_http_layer_ops clear_ops = {
    .name = "clear", .open = clear_open, .close = clear_close};
static struct rv_http_layer clear = {.ops = &clear_ops};

static int init_layered(struct rv_http_server *out, const struct rv_addr *addr)
{
    int error = init_and_ask(out, addr, &handler);

#define server (*out)
    server.layer = &clear;
#undef server
    return error;
}

static int get_in_the_clear(const char *url)
{
    struct rv_http_get get;
    int error;

    error = rv_https_request_init(&get, "GET", url, &clear);
    /* end */
    if (!error)
        error = rv_http_fetch(&get, rv_after_ms(60000));
    if (!error && (get.body_len_bytes != 6 || layer_opens == 0))
        error = -EBADMSG;
    rv_drop(&get.future);
    return error;
}

static int get_https(const char *url)
{
    char secure[64];

    snprintf(secure, sizeof secure, "https%s", strchr(url, ':'));
    return get_in_the_clear(secure);
}

static int32_t serve_https(void *arg)
{
    struct rv_http_server server;
    struct rv_addr addr;

    (void)arg;
    rv_addr_parse(&addr, "127.0.0.1", 0);
    init_layered(&server, &addr);
    return rv_http_serve(&server, RV_NS_PER_S);
}

HEAD(http_layer)
{
    HOST_CHECK(with_server(serve_https, get_https) == 0);
    HOST_CHECK(layer_opens == 0);
    return 0;
}

/* --- the ring ---------------------------------------------------------- */

static int buffers_released;

/* from ring.h */
static void release_buffer(void *buffer, int32_t result)
{
    (void)result;
    buffers_released++;
    rv_free(buffer);
}

static int read_by_ring(int fd)
{
    void *buffer = rv_alloc(4096);
    struct rv_ring_op op;
    int n;

    const struct rv_ring_call call = {.opcode = IORING_OP_READ,
                                      .fd = fd,
                                      .addr = rv_ring_addr(buffer),
                                      .len = 4096};
    rv_ring_op_init(&op, &call, release_buffer, buffer);
    n = rv_await(&op.future);
    if (n > 0)
        fwrite(buffer, 1, (size_t)n, stdout);
    if (!rv_ring_op_is_lent(&op))
        rv_free(buffer);
    rv_drop(&op.future);
    /* end */
    return n;
}

HEAD(ring)
{
    const int fd = some_file();
    const int n = read_by_ring(fd);

    close(fd);
    HOST_CHECK(n == 6 || (n < 0 && rv_ring_open(rv_ring_current()) == n));
    HOST_CHECK(buffers_released == 0);
    return 0;
}

static int32_t read_a_pipe(void *arg)
{
    return read_by_ring(*(int *)arg);
}

/* Canceled before its first poll, and in its wait: no leak, no second free. */
HEAD(ring_canceled)
{
    int ends[2];
    struct rv_join join;

    HOST_CHECK(pipe(ends) == 0);
    for (int yields = 0; yields < 3; yields++) {
        HOST_CHECK(rv_coro_spawn(rv_executor_current(), read_a_pipe, &ends[0],
                                 NULL, &join) == 0);
        for (int i = 0; i < yields; i++)
            rv_coro_yield();
        rv_coro_cancel(&join);
        rv_await(&join.future);
        rv_join_drop(&join);
    }
    rv_coro_sleep_until(rv_after_ms(10));
    close(ends[0]);
    close(ends[1]);
    HOST_CHECK(rv_ring_open(rv_ring_current()) < 0 || buffers_released >= 1);
    return 0;
}
