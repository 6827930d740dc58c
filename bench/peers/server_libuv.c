/* SPDX-License-Identifier: MIT */
/* server_libuv.c - server.c with libuv: uv_read_start() and uv_try_write(). */
#include <stdlib.h>
#include <uv.h>

#include "../bench.h"
#include "hello.h"

enum { BACKLOG = 4096 };

struct client {
    uv_tcp_t stream;
    struct hello_connection hello;
};

static void on_close(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    struct hello_connection *hello = &client->hello;

    (void)suggested;
    *buffer = uv_buf_init(hello->in + hello->in_len,
                          (unsigned)(sizeof hello->in - hello->in_len));
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    struct hello_connection *hello = &client->hello;
    bool good = n >= 0;
    uv_buf_t answer;

    (void)buffer;
    if (n > 0) {
        hello->in_len += (size_t)n;
        good = hello_answer(hello);
        answer = uv_buf_init(hello->out, (unsigned)hello->out_len);
        /* A client that reads too slowly is not what is measured here. */
        if (hello->out_len > 0 &&
            uv_try_write(stream, &answer, 1) != (int)hello->out_len)
            good = false;
        hello->out_len = 0;
    }
    if (!good || hello->close)
        uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *client = status < 0 ? NULL : calloc(1, sizeof *client);

    if (!client)
        return;
    uv_tcp_init(listener->loop, &client->stream);
    client->stream.data = client;
    if (uv_accept(listener, (uv_stream_t *)&client->stream) < 0)
        uv_close((uv_handle_t *)&client->stream, on_close);
    else
        uv_read_start((uv_stream_t *)&client->stream, on_room, on_data);
}

int main(void)
{
    struct sockaddr_in addr = hello_addr();
    int len = sizeof addr;
    uv_tcp_t listener;
    uv_loop_t *loop;

    bench_begin();
    loop = uv_default_loop();
    bench_check(uv_tcp_init(loop, &listener), "socket");
    bench_check(uv_tcp_bind(&listener, (struct sockaddr *)&addr, 0), "bind");
    bench_check(uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection),
                "listen");
    bench_check(uv_tcp_getsockname(&listener, (struct sockaddr *)&addr, &len),
                "address");
    bench_say_where(ntohs(addr.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}
