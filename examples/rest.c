/* SPDX-License-Identifier: MIT */
/* rest.c - a small REST service: rest PORT
 *
 *     curl -T notes.txt localhost:8080/notes/today        store a note
 *     curl localhost:8080/notes/today                     read it
 *     curl -X DELETE localhost:8080/notes/today           remove it
 *     curl localhost:8080/notes                           the list, as JSON
 *     curl -T big.iso localhost:8080/upload               any size: only
 * counted
 *
 * A handler is a plain function that waits where it has to. Ctrl-C ends the
 * service after the requests in progress. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { NOTES = 100, NAME_BYTES = 64, NOTE_BYTES = 4096 };

enum { PATIENCE_MS = 30000 };

struct note {
    char name[NAME_BYTES]; /* empty: none */
    char text[NOTE_BYTES];
    size_t len;
};

static struct note notes[NOTES];

/* The note with this name; a free one for the name "". */
static struct note *find(const char *name)
{
    for (int i = 0; i < NOTES; i++)
        if (strcmp(notes[i].name, name) == 0)
            return &notes[i];
    return NULL;
}

static int32_t say(struct rv_http_exchange *x, int status, const char *text)
{
    return rv_http_reply(x, status, "text/plain", text, strlen(text));
}

/* The parameter ":name", decoded. Names are letters, digits, "-" and "_", so
 * that they need no quotes in JSON. Returns: false if it is no name. */
static bool name_of(struct rv_http_exchange *x, char name[NAME_BYTES])
{
    const struct rv_http_slice part = rv_http_param(x, "name");

    return rv_http_decode(name, NAME_BYTES, x->bytes + part.at, part.len,
                          false) > 0 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0';
}

static int32_t get_note(struct rv_http_exchange *x, void *data)
{
    char name[NAME_BYTES];
    const struct note *note = name_of(x, name) ? find(name) : NULL;

    (void)data;
    if (!note)
        return say(x, 404, "no such note\n");
    return rv_http_reply(x, 200, "text/plain", note->text, note->len);
}

static int32_t put_note(struct rv_http_exchange *x, void *data)
{
    char name[NAME_BYTES];
    char text[NOTE_BYTES];
    struct note *note;
    size_t len;
    bool is_new;
    int error;

    (void)data;
    if (!name_of(x, name))
        return say(x, 400, "bad name\n");
    error = rv_http_recv_whole(x, text, sizeof text, &len,
                               rv_after_ms(PATIENCE_MS));
    if (error < 0)
        return error; /* the client gets 400, 408 or 413 */
    note = find(name);
    is_new = !note;
    if (is_new)
        note = find("");
    if (!note)
        return say(x, 507, "no room for another note\n");
    strcpy(note->name, name);
    memcpy(note->text, text, len);
    note->len = len;
    return say(x, is_new ? 201 : 200, is_new ? "created\n" : "replaced\n");
}

static int32_t delete_note(struct rv_http_exchange *x, void *data)
{
    char name[NAME_BYTES];
    struct note *note = name_of(x, name) ? find(name) : NULL;

    (void)data;
    if (!note)
        return say(x, 404, "no such note\n");
    note->name[0] = '\0';
    return rv_http_reply(x, 204, NULL, "", 0);
}

/* The list may be long: a piece for each note. */
static int32_t list_notes(struct rv_http_exchange *x, void *data)
{
    const char *before = "[";
    int error = rv_http_begin(x, 200, "application/json", -1);

    (void)data;
    for (int i = 0; i < NOTES && error == 0; i++) {
        char text[NAME_BYTES + 64];
        int len;

        if (notes[i].name[0] == '\0')
            continue;
        len = snprintf(text, sizeof text, "%s{\"name\":\"%s\",\"bytes\":%zu}",
                       before, notes[i].name, notes[i].len);
        error = rv_http_send(x, text, (size_t)len, rv_after_ms(PATIENCE_MS));
        before = ",";
    }
    if (error == 0)
        error = rv_http_send(x, *before == ',' ? "]\n" : "[]\n",
                             *before == ',' ? 2 : 3, rv_after_ms(PATIENCE_MS));
    return error;
}

static int32_t upload(struct rv_http_exchange *x, void *data)
{
    char piece[16 * 1024];
    char text[64];
    unsigned long long total = 0;
    int n;

    (void)data;
    while ((n = rv_http_recv(x, piece, sizeof piece,
                             rv_after_ms(PATIENCE_MS))) > 0)
        total += (unsigned)n;
    if (n < 0)
        return n;
    snprintf(text, sizeof text, "%llu bytes\n", total);
    return say(x, 200, text);
}

static const struct rv_http_handler any_size = {.run = upload,
                                                .body_bytes = INT64_MAX};
static const struct rv_http_route routes[] = {
    {.path = "/notes", .method = "GET", .run = list_notes},
    {.path = "/notes/:name", .method = "GET", .run = get_note},
    {.path = "/notes/:name", .method = "PUT", .run = put_note},
    {.path = "/notes/:name", .method = "DELETE", .run = delete_note},
    {.path = "/upload", .method = "PUT", .handler = &any_size},
    {.path = NULL},
};

static int32_t serve(void *arg)
{
    const struct rv_http_handler handler = rv_http_routes(routes);
    struct rv_http_server server;
    struct rv_addr addr;
    int error = rv_addr_parse(&addr, "127.0.0.1", *(uint16_t *)arg);

    if (error == 0)
        error = rv_http_server_init(&server, &addr, &handler);
    if (error == 0)
        error = rv_http_server_addr(&server, &addr);
    if (error < 0)
        return error;
    printf("rest: on http://127.0.0.1:%u\n", (unsigned)rv_addr_port(&addr));
    fflush(stdout);
    return rv_http_serve(&server, 5 * RV_NS_PER_S);
}

static int usage(FILE *where, int status)
{
    fputs("usage: rest PORT\n", where);
    return status;
}

int main(int argc, char **argv)
{
    uint16_t port;
    char *end;
    long number;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    number = argc == 2 ? strtol(argv[1], &end, 10) : -1;
    if (argc != 2 || end == argv[1] || *end || number < 0 || number > 65535)
        return usage(stderr, 2);
    port = (uint16_t)number;
    error = rv_run(serve, &port);
    if (error < 0)
        fprintf(stderr, "rest: %s\n", rv_strerror(error));
    return error < 0;
}
