/* SPDX-License-Identifier: MIT */
/* echo.c - send back what arrives, to any number of clients: echo HOST:PORT */
#include <reveil/reveil.h>

static int32_t echo(struct rv_stream *client, void *arg)
{
    char text[4096];
    int n;

    (void)arg;
    while ((n = rv_stream_recv(client, text, sizeof text, RV_NEVER)) > 0)
        if (rv_stream_send(client, text, (size_t)n, RV_NEVER) < 0)
            break;
    return n;
}

static int32_t server(void *where)
{
    return rv_serve_at(where, echo, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rv_exit_status("echo", rv_run(server, argc > 1 ? argv[1] : ":7777"));
}
