/* SPDX-License-Identifier: MIT */
/*
 * redis_libuv.c - examples/redis.c with libuv: redis_libuv PORT
 *
 * Table, commands and protocol are those of the example; only what sends and
 * receives is libuv's: uv_read_start() and uv_try_write().
 */
int redis_main(int argc, char **argv);

#define main redis_main
#include "../../examples/redis.c"
#undef main

#include <uv.h>

enum { BACKLOG = 4096 };

struct client {
    uv_tcp_t stream;
    struct rv_bytes out;
    size_t in_len;
    char in[MAX_COMMAND];
};

static void on_close(uv_handle_t *handle)
{
    struct client *client = handle->data;

    rv_bytes_fini(&client->out);
    free(client);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(client->in + client->in_len,
                          (unsigned)(sizeof client->in - client->in_len));
}

/* Returns: false if the client is to be disconnected. */
static bool answer_all(struct client *client)
{
    struct rv_text rest = {.data = client->in, .len_bytes = client->in_len};
    struct command command;
    int n;

    while ((n = parse(&command, rest)) > 0) {
        if (answer(&command, &client->out) < 0)
            return false;
        rest.data += n;
        rest.len_bytes -= (size_t)n;
    }
    memmove(client->in, rest.data, rest.len_bytes);
    client->in_len = rest.len_bytes;
    return n == 0 && rest.len_bytes < sizeof client->in;
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    struct rv_bytes *out = &client->out;
    bool good = n >= 0;
    uv_buf_t piece;

    (void)buffer;
    if (n > 0) {
        client->in_len += (size_t)n;
        good = answer_all(client);
        piece = uv_buf_init(out->data, (unsigned)out->len_bytes);
        /* A client that reads too slowly is not what is measured here. */
        if (out->len_bytes > 0 &&
            uv_try_write(stream, &piece, 1) != (int)out->len_bytes)
            good = false;
        out->len_bytes = 0;
    }
    if (!good)
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

int main(int argc, char **argv)
{
    struct sockaddr_in addr;
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    int error = uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, &addr);

    if (!error)
        error = uv_tcp_init(loop, &listener);
    if (!error)
        error = uv_tcp_bind(&listener, (struct sockaddr *)&addr, 0);
    if (!error)
        error = uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection);
    if (error) {
        fprintf(stderr, "redis_libuv: %s\n", uv_strerror(error));
        return 1;
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}
