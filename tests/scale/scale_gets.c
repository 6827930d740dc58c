/* SPDX-License-Identifier: MIT */
/*
 * scale_gets.c - 10,000 GETs of /1000/x at once on one executor, each over a
 * connection of its own.
 *
 * The server is a process of its own, so the CPU time is the client's alone.
 */
#include <reveil/http_client.h>
#include <signal.h>
#include <sys/wait.h>

#include "cli/delay.h"
#include "scale/scale.h"

enum {
    GETS = 10000,
    DELAY_MS = 1000,
    OVERLAP = 50,  /* at least this many are open at a time, on average */
    POLLS_MAX = 4, /* per GET, on average */
    SPARE_FDS = 64
};

/* --- the server: another process ---------------------------------------- */

_Noreturn static void be_server(int port_fd)
{
    const struct rv_http_handler handler = delay_handler();
    struct rv_runtime *runtime;
    struct rv_http_server server;
    struct rv_addr addr;
    uint16_t port;

    SCALE_CHECK(rv_reserve_fds(GETS + SPARE_FDS) == 0, "server: descriptors");
    SCALE_CHECK(rv_runtime_start(&runtime) == 0, "server: start");
    SCALE_CHECK(rv_addr_parse(&addr, "127.0.0.1", 0) == 0, "server: address");
    SCALE_CHECK(rv_http_server_init(&server, &addr, &handler) == 0,
                "server: listen");
    SCALE_CHECK(rv_http_server_addr(&server, &addr) == 0, "server: port");
    port = rv_addr_port(&addr);
    SCALE_CHECK(write(port_fd, &port, sizeof port) == sizeof port,
                "server: pipe");
    rv_runtime_block_on(runtime, &server.future);
    _exit(1);
}

static pid_t start_server(uint16_t *port)
{
    int fds[2];
    pid_t child;

    SCALE_CHECK(pipe(fds) == 0, "pipe");
    child = fork();
    SCALE_CHECK(child >= 0, "fork");
    if (child == 0) {
        alarm(SCALE_WATCHDOG_S);
        close(fds[0]);
        be_server(fds[1]);
    }
    close(fds[1]);
    SCALE_CHECK(read(fds[0], port, sizeof *port) == sizeof *port, "no server");
    close(fds[0]);
    return child;
}

static void stop_server(pid_t server)
{
    int status;

    kill(server, SIGKILL);
    SCALE_CHECK(waitpid(server, &status, 0) == server, "waitpid");
    SCALE_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                "the server has ended early");
}

/* --- the client --------------------------------------------------------- */

/* The outcome of all GETs of a run. */
struct outcome {
    uint32_t right;
    uint32_t polls;
    uint32_t most_polls; /* of one */
    int first_error;
    double wall_ms;
    double cpu_ms;
};

struct fetch {
    struct rv_future future;
    struct rv_http_get get;
    struct outcome *outcome;
    uint32_t polls;
};

static void note(const struct fetch *self, struct outcome *outcome)
{
    const struct rv_http_get *get = &self->get;

    outcome->polls += self->polls;
    if (self->polls > outcome->most_polls)
        outcome->most_polls = self->polls;
    if (get->future.result == 0 && get->status == 200 &&
        get->body_len_bytes == 1 && get->body[0] == 'x')
        outcome->right++;
    else if (outcome->first_error == 0)
        outcome->first_error = get->future.result;
}

static enum rv_poll fetch_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct fetch *self = RV_CONTAINER_OF(future, struct fetch, future);

    self->polls++;
    if (rv_poll(&self->get.future, cx) == RV_PENDING)
        return RV_PENDING;
    note(self, self->outcome);
    return RV_READY;
}

static void fetch_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct fetch, future)->get.future);
}

static void add_fetch(struct rv_scope *scope, const char *url,
                      struct outcome *outcome)
{
    static const struct rv_future_ops ops = {
        .name = "fetch", .poll = fetch_poll, .drop = fetch_drop};
    struct fetch *fetch = rv_alloc(sizeof *fetch);

    SCALE_CHECK(fetch, "no memory");
    rv_future_init(&fetch->future, &ops);
    SCALE_CHECK(rv_http_get_init(&fetch->get, url) == 0, "get");
    fetch->outcome = outcome;
    SCALE_CHECK(rv_scope_spawn(scope, &fetch->future) == 0, "spawn");
}

static struct outcome get_all(struct rv_runtime *runtime, uint16_t port)
{
    struct outcome outcome = {.right = 0};
    const int64_t start_ns = rv_now_ns();
    const double cpu_ms = scale_cpu_ms();
    struct rv_scope scope;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/%d/x", port, DELAY_MS);
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 0; i < GETS; i++)
        add_fetch(&scope, url, &outcome);
    SCALE_CHECK(rv_runtime_block_on(runtime, &scope.future) == 0, "block_on");
    rv_drop(&scope.future);
    outcome.wall_ms = scale_ms(rv_now_ns() - start_ns);
    outcome.cpu_ms = scale_cpu_ms() - cpu_ms;
    return outcome;
}

static struct outcome run(enum rv_reactor_mode mode)
{
    const struct rv_runtime_options options = {.reactor = mode};
    struct rv_runtime *runtime;
    struct outcome outcome;
    uint16_t port;
    const pid_t server = start_server(&port);

    SCALE_CHECK(rv_runtime_start_with(&runtime, &options) == 0, "start");
    outcome = get_all(runtime, port);
    rv_runtime_stop(runtime);
    stop_server(server);
    return outcome;
}

/* --- the report --------------------------------------------------------- */

static void measure(enum rv_reactor_mode mode, const char *name)
{
    const struct outcome outcome = run(mode);
    const double polls = (double)outcome.polls / GETS;
    /* The sum of the delays, as if in sequence. */
    const double overlap = (double)GETS * DELAY_MS / outcome.wall_ms;

    scale_report(outcome.right == GETS,
                 "gets-%s: %u of %d right, first error %d", name, outcome.right,
                 GETS, outcome.first_error);
    scale_report(outcome.wall_ms >= DELAY_MS && overlap >= OVERLAP,
                 "gets-overlap-%s: %.0f wait at a time (limit: %d), "
                 "wall %.0f ms, CPU %.0f ms",
                 name, overlap, OVERLAP, outcome.wall_ms, outcome.cpu_ms);
    scale_report(polls <= POLLS_MAX,
                 "gets-polls-%s: %.2f a GET, at most %u (limit: %d)", name,
                 polls, outcome.most_polls, POLLS_MAX);
}

int main(void)
{
    scale_start();
    scale_need_fds(GETS + SPARE_FDS);
    measure(RV_REACTOR_THREAD, "thread");
    measure(RV_REACTOR_FUSED, "fused");
    return scale_failed;
}
