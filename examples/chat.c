/* SPDX-License-Identifier: MIT */
/*
 * chat.c - a chat server: chat HOST:PORT; then any number of: nc HOST PORT
 *
 * The first line of a client is its name; each later line goes to all others.
 * A client that reads so slowly that its socket is full is disconnected.
 */
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

struct client {
    struct rv_list node; /* in the room */
    struct rv_stream *stream;
    char name[21];
};

/* Send a line to all clients in the room, except for one, or NULL. */
static void tell(struct rv_list *room, const struct client *except,
                 const char *format, const char *name, const char *said)
{
    char line[600];
    const int len = snprintf(line, sizeof line, format, name, said);

    for (struct rv_list *node = room->next; node != room; node = node->next) {
        struct client *to = RV_CONTAINER_OF(node, struct client, node);

        if (to != except &&
            rv_stream_try_send(to->stream, line, (size_t)len) != len)
            shutdown(rv_stream_fd(to->stream), SHUT_RDWR); /* its recv ends */
    }
}

/* Control characters could command another's terminal. */
static const char *harmless(struct rv_text line)
{
    for (char *c = line.data; *c; c++)
        *c = (unsigned char)*c < ' ' || *c == 127 ? '?' : *c;
    return line.data;
}

static int32_t talk(struct rv_stream *stream, void *room)
{
    struct client self = {.stream = stream};
    struct rv_stream_io io;
    struct rv_reader reader;
    struct rv_text line;
    char memory[512];

    rv_stream_io_init(&io, stream);
    rv_reader_init(&reader, &io.io, memory, sizeof memory);
    if (rv_reader_line(&reader, &line, rv_after_ms(60000)) != 1 ||
        line.len_bytes == 0)
        return 0;
    snprintf(self.name, sizeof self.name, "%s", harmless(line));
    rv_list_push(room, &self.node);
    tell(room, NULL, "* %s is here\n", self.name, "");
    while (rv_reader_line(&reader, &line, RV_NEVER) == 1)
        tell(room, &self, "%s: %s\n", self.name, harmless(line));
    rv_list_remove(&self.node);
    tell(room, NULL, "* %s has left\n", self.name, "");
    return 0;
}

static int32_t server(void *where)
{
    struct rv_list room;

    rv_list_init(&room);
    return rv_serve_at(where, talk, &room, NULL);
}

int main(int argc, char **argv)
{
    program_start(1);
    program_usage(argc, argv, 0, 1, "chat [HOST:PORT]");
    return rv_exit_status("chat", rv_run(server, argc > 1 ? argv[1] : ":7777"));
}
