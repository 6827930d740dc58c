/* SPDX-License-Identifier: MIT */
/*
 * server.c - the library's keep-alive server with a minimal handler.
 *
 * usage: server thread|fused. Prints "port N pid N", and serves until it is
 * killed.
 */
#include <reveil/async.h>
#include <reveil/http_server.h>
#include <reveil/runtime.h>
#include <string.h>

#include "bench.h"

struct hello {
    struct rv_future future;
    struct rv_http_exchange *exchange;
};

static enum rv_poll hello_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct hello *self = RV_CONTAINER_OF(future, struct hello, future);

    (void)cx;
    RV_RETURN(future,
              rv_http_reply(self->exchange, 200, "text/plain", "hello\n", 6));
}

static void hello_init(struct rv_future *frame,
                       struct rv_http_exchange *exchange, void *data)
{
    static const struct rv_future_ops ops = {
        .name = "hello", .poll = hello_poll, .drop = NULL};
    struct hello *self = RV_CONTAINER_OF(frame, struct hello, future);

    (void)data;
    rv_future_init(frame, &ops);
    self->exchange = exchange;
}

int main(int argc, char **argv)
{
    const bool fused = argc > 1 && strcmp(argv[1], "fused") == 0;
    const struct rv_runtime_options options = {
        .reactor = fused ? RV_REACTOR_FUSED : RV_REACTOR_THREAD};
    const struct rv_http_handler handler = {.frame_bytes = sizeof(struct hello),
                                            .init = hello_init};
    struct rv_http_server server;
    struct rv_runtime *runtime;
    struct rv_addr addr;

    bench_begin();
    bench_check(rv_runtime_start_with(&runtime, &options), "runtime");
    bench_check(rv_addr_parse(&addr, "127.0.0.1", 0), "address");
    bench_check(rv_http_server_init(&server, &addr, &handler), "listen");
    bench_check(rv_http_server_addr(&server, &addr), "address");
    bench_say_where(rv_addr_port(&addr));
    bench_check(rv_runtime_block_on(runtime, &server.future), "serve");
    return 1;
}
