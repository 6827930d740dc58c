/* SPDX-License-Identifier: MIT */
/*
 * redis.c - a server for the redis protocol: redis HOST:PORT
 *
 *     redis-cli -p 7777 set greeting hello
 *     redis-benchmark -p 7777 -t set,get -P 16
 *
 * PING, ECHO, GET, SET, DEL, EXISTS, INCR. A client may send many commands at
 * once: their answers are sent together, when no whole command is left in the
 * buffer. All clients run on one thread, so the table needs no lock.
 */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "program.h"

enum { MAX_COMMAND = 16 * 1024, MAX_ARGS = 64, BUCKETS = 1 << 16 };

/* --- the table --------------------------------------------------------- */

struct entry {
    struct entry *next; /* in the same bucket */
    char *value;
    size_t value_len;
    size_t key_len;
    char key[];
};

static struct entry *buckets[BUCKETS];

/* Returns: where the pointer to the entry is, or would be. */
static struct entry **find(struct rv_text key)
{
    uint32_t hash = 2166136261; /* FNV-1a */
    struct entry **at;

    for (size_t i = 0; i < key.len_bytes; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * 16777619;
    at = &buckets[(hash ^ hash >> 16) % BUCKETS];
    while (*at && ((*at)->key_len != key.len_bytes ||
                   memcmp((*at)->key, key.data, key.len_bytes) != 0))
        at = &(*at)->next;
    return at;
}

static int set(struct rv_text key, const char *value, size_t len)
{
    struct entry **at = find(key);
    char *copy = malloc(len + 1);

    if (copy && !*at) {
        *at = calloc(1, sizeof **at + key.len_bytes);
        if (*at) {
            (*at)->key_len = key.len_bytes;
            memcpy((*at)->key, key.data, key.len_bytes);
        }
    }
    if (!copy || !*at) {
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, value, len);
    copy[len] = '\0';
    free((*at)->value);
    (*at)->value = copy;
    (*at)->value_len = len;
    return 0;
}

static int del(struct rv_text key)
{
    struct entry **at = find(key);
    struct entry *entry = *at;

    if (!entry)
        return 0;
    *at = entry->next;
    free(entry->value);
    free(entry);
    return 1;
}

/* --- commands ---------------------------------------------------------- */

struct command {
    int count;
    struct rv_text args[MAX_ARGS];
};

static int bulk(struct rv_bytes *out, const char *text, size_t len)
{
    int error = rv_bytes_printf(out, "$%zu\r\n", len);

    if (!error)
        error = rv_bytes_append(out, text, len);
    return error ? error : rv_bytes_append(out, "\r\n", 2);
}

static int say(struct rv_bytes *out, const char *line)
{
    return rv_bytes_append(out, line, strlen(line));
}

static int number(struct rv_bytes *out, long long value)
{
    return rv_bytes_printf(out, ":%lld\r\n", value);
}

static int incr(struct rv_bytes *out, struct rv_text key)
{
    const struct entry *entry = *find(key);
    char text[24];
    char *end = NULL;
    long long value;
    bool is_number;

    errno = 0;
    value = entry ? strtoll(entry->value, &end, 10) : 0;
    is_number = !entry || (entry->value_len > 0 &&
                           end == entry->value + entry->value_len);
    if (!is_number || errno || value == INT64_MAX)
        return say(out, "-ERR value is not an integer or out of range\r\n");
    snprintf(text, sizeof text, "%lld", ++value);
    if (set(key, text, strlen(text)) < 0)
        return say(out, "-OOM out of memory\r\n");
    return number(out, value);
}

/* Append the answer. Returns: 0, -ENOMEM. */
static int answer(const struct command *c, struct rv_bytes *out)
{
    const struct rv_text *args = c->args;
    const struct entry *entry;
    long long found = 0;

#define IS(name, fewest, most)                                 \
    (args[0].len_bytes == sizeof(name) - 1 &&                  \
     strncasecmp(args[0].data, name, sizeof(name) - 1) == 0 && \
     c->count >= (fewest) && c->count <= (most))
    if (IS("GET", 2, 2)) {
        entry = *find(args[1]);
        return entry ? bulk(out, entry->value, entry->value_len)
                     : say(out, "$-1\r\n");
    }
    if (IS("SET", 3, 3))
        return say(out, set(args[1], args[2].data, args[2].len_bytes) < 0
                            ? "-OOM out of memory\r\n"
                            : "+OK\r\n");
    if (IS("INCR", 2, 2))
        return incr(out, args[1]);
    if (IS("PING", 1, 1))
        return say(out, "+PONG\r\n");
    if (IS("PING", 2, 2) || IS("ECHO", 2, 2))
        return bulk(out, args[1].data, args[1].len_bytes);
    if (IS("DEL", 2, MAX_ARGS) || IS("EXISTS", 2, MAX_ARGS)) {
        for (int i = 1; i < c->count; i++)
            found += args[0].len_bytes == 3 ? del(args[i]) : !!*find(args[i]);
        return number(out, found);
    }
#undef IS
    return say(out, "-ERR unknown command or wrong number of arguments\r\n");
}

/* --- the protocol ------------------------------------------------------ */

/* "*3\r\n" or "$5\r\n". Returns: its bytes; 0: more must arrive; -EPROTO. */
static int parse_number(const char *text, const char *end, char type,
                        size_t *out)
{
    const char *at = text;
    size_t value = 0;

    if (at < end && *at++ != type)
        return -EPROTO;
    for (; at < end && *at >= '0' && *at <= '9' && value < MAX_COMMAND; at++)
        value = value * 10 + (size_t)(*at - '0');
    if (end - at < 2)
        return 0;
    if (at[0] != '\r' || at[1] != '\n' || at == text + 1)
        return -EPROTO;
    *out = value;
    return (int)(at + 2 - text);
}

/* The arguments stay where they are. Returns: as parse_number(). */
static int parse(struct command *c, struct rv_text in)
{
    const char *const end = in.data + in.len_bytes;
    char *at = in.data;
    size_t value;
    int n = parse_number(at, end, '*', &value);

    if (n > 0 && (value < 1 || value > MAX_ARGS))
        return -EPROTO;
    c->count = n > 0 ? (int)value : 0;
    at += n > 0 ? n : 0;
    for (int i = 0; i < c->count && n > 0; i++) {
        n = parse_number(at, end, '$', &value);
        if (n <= 0)
            break;
        at += n;
        if ((size_t)(end - at) < value + 2)
            return 0;
        c->args[i] = (struct rv_text){.data = at, .len_bytes = value};
        at += value + 2;
    }
    return n > 0 ? (int)(at - in.data) : n;
}

/* --- a client ---------------------------------------------------------- */

/* Send the answers, and wait for more than is in the reader. Returns: 1; 0: the
 * client has left; negative errno. */
static int wait_for_more(struct rv_stream *stream, struct rv_reader *reader,
                         struct rv_bytes *out)
{
    const size_t had = rv_reader_buffered(reader).len_bytes;
    struct rv_text in;
    int error = 0;

    if (out->len_bytes > 0)
        error = rv_stream_send(stream, out->data, out->len_bytes, RV_NEVER);
    out->len_bytes = 0;
    return error ? error : rv_reader_peek(reader, had + 1, &in, RV_NEVER);
}

static int32_t serve(struct rv_stream *stream, void *arg)
{
    struct rv_bytes out = {0};
    struct rv_stream_io io;
    struct rv_reader reader;
    struct command command;
    char memory[MAX_COMMAND];
    int error = 0;
    int n = 1;

    (void)arg;
    rv_stream_io_init(&io, stream);
    rv_reader_init(&reader, &io.io, memory, sizeof memory);
    while (!error && n > 0) {
        n = parse(&command, rv_reader_buffered(&reader));
        if (n > 0) {
            error = answer(&command, &out);
            rv_reader_consume(&reader, (size_t)n);
        } else if (n == 0) {
            n = wait_for_more(stream, &reader, &out);
        }
    }
    if (n == -EPROTO || n == -EMSGSIZE)
        say(&out, "-ERR Protocol error\r\n");
    if (out.len_bytes > 0)
        rv_stream_send(stream, out.data, out.len_bytes, rv_after_ms(1000));
    rv_bytes_fini(&out);
    return error ? error : n;
}

static int32_t server(void *where)
{
    return rv_serve_at(where, serve, NULL, NULL);
}

int main(int argc, char **argv)
{
    program_start(1);
    program_usage(argc, argv, 0, 1, "redis [HOST:PORT]");
    return rv_exit_status("redis",
                          rv_run(server, argc > 1 ? argv[1] : ":7777"));
}
