/* SPDX-License-Identifier: MIT */
/*
 * reader.c - a buffer in front of an rv_io.
 *
 * Threads: the executor's.
 *
 *     buffer              at             end         cap_bytes
 *       | consumed        | read ahead   | room      |NUL|
 *
 * A text is consumed only when all of it is in the buffer. So a future keeps
 * nothing that a drop could lose: all bytes that were read are between `at` and
 * `end`, or already with the caller, who knows how many.
 */
#include <errno.h>
#include <reveil/reader.h>
#include <string.h>

#include "base/base_internal.h"
#include "io/io_internal.h"

enum { FULL_READ_BYTES = 4096 }; /* the least that rv_reader_all() asks for */

static size_t left_bytes(const struct rv_reader *reader)
{
    return reader->end - reader->at;
}

void rv_reader_init(struct rv_reader *reader, struct rv_io *io, char *buffer,
                    size_t cap_bytes)
{
    RV_CHECK(cap_bytes >= 2, "the buffer of a reader is too small");
    *reader = (struct rv_reader){
        .io = io, .buffer = buffer, .cap_bytes = cap_bytes - 1};
}

int rv_reader_move(struct rv_reader *reader, char *buffer, size_t cap_bytes)
{
    const size_t left = left_bytes(reader);

    if (cap_bytes < 2 || left > cap_bytes - 1)
        return -EMSGSIZE;
    memmove(buffer, reader->buffer + reader->at, left);
    reader->buffer = buffer;
    reader->cap_bytes = cap_bytes - 1;
    reader->at = 0;
    reader->end = left;
    return 0;
}

struct rv_text rv_reader_buffered(const struct rv_reader *reader)
{
    return (struct rv_text){.data = reader->buffer + reader->at,
                            .len_bytes = left_bytes(reader)};
}

void rv_reader_consume(struct rv_reader *reader, size_t len_bytes)
{
    RV_CHECK(len_bytes <= left_bytes(reader), "the reader has fewer bytes");
    reader->at += len_bytes;
}

/*
 * Read more into the buffer.
 *
 * Returns: bytes; 0: the input has ended; -EMSGSIZE: there is no room; -EAGAIN:
 * the waker was stored; another negative errno.
 */
static ssize_t read_ahead(struct rv_reader *reader, struct rv_cx *cx)
{
    const size_t left = left_bytes(reader);
    ssize_t n;

    if (reader->ended)
        return 0;
    if (left == reader->cap_bytes)
        return -EMSGSIZE;
    if (left == 0 || reader->end == reader->cap_bytes) {
        memmove(reader->buffer, reader->buffer + reader->at, left);
        reader->at = 0;
        reader->end = left;
    }
    n = rv_io_poll_read(reader->io, cx, reader->buffer + reader->end,
                        reader->cap_bytes - reader->end);
    if (n > 0)
        reader->end += (size_t)n;
    reader->ended = n == 0;
    return n;
}

/* --- texts ------------------------------------------------------------- */

/* The first len_bytes are a text, and what follows it ends after `all`. */
static struct rv_text take(struct rv_reader *reader, size_t len_bytes,
                           size_t all)
{
    const struct rv_text text = {.data = reader->buffer + reader->at,
                                 .len_bytes = len_bytes};

    text.data[len_bytes] = '\0';
    reader->at += all;
    return text;
}

/* All that is left, but not the byte after it: that may be input. */
static int peek(const struct rv_reader *reader, size_t min_bytes,
                struct rv_text *text)
{
    *text = rv_reader_buffered(reader);
    if (text->len_bytes >= min_bytes)
        return 1;
    if (reader->ended)
        return text->len_bytes == 0 ? 0 : -ENOMSG;
    return min_bytes > reader->cap_bytes ? -EMSGSIZE : -EAGAIN;
}

/* Returns: as rv_reader_line(); -EAGAIN: more must be read. */
static int find(struct rv_reader_text *self)
{
    struct rv_reader *reader = self->reader;
    const size_t left = left_bytes(reader);
    const size_t overlap = self->wanted_bytes - 1;
    const size_t from =
        self->searched_bytes > overlap ? self->searched_bytes - overlap : 0;
    char *data = reader->buffer + reader->at;
    const char *found = left > from
                            ? memmem(data + from, left - from, self->delimiter,
                                     self->wanted_bytes)
                            : NULL;
    size_t len;

    if (found) {
        len = (size_t)(found - data);
        self->text = take(
            reader,
            self->is_line && len > 0 && data[len - 1] == '\r' ? len - 1 : len,
            len + self->wanted_bytes);
        return 1;
    }
    self->searched_bytes = left;
    if (reader->ended) {
        self->text = take(reader, left, left);
        return left == 0 ? 0 : -ENOMSG;
    }
    return left == reader->cap_bytes ? -EMSGSIZE : -EAGAIN;
}

int rv_reader_look(struct rv_reader_text *text)
{
    return text->delimiter
               ? find(text)
               : peek(text->reader, text->wanted_bytes, &text->text);
}

static enum rv_poll text_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_reader_text *self =
        RV_CONTAINER_OF(future, struct rv_reader_text, future);
    ssize_t n;

    while ((future->result = rv_reader_look(self)) == -EAGAIN) {
        n = read_ahead(self->reader, cx);
        if (n == -EAGAIN)
            return rv_io_wait(future, self->reader->io, RV_READ);
        if (n < 0) {
            future->result = (int32_t)n;
            break;
        }
    }
    return RV_READY;
}

static void text_drop(struct rv_future *future)
{
    struct rv_reader_text *self =
        RV_CONTAINER_OF(future, struct rv_reader_text, future);

    rv_io_stop_waiting(future, self->reader->io, RV_READ);
}

static void text_init(struct rv_reader_text *text, struct rv_reader *reader,
                      const char *delimiter, size_t wanted_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "rv_reader_text", .poll = text_poll, .drop = text_drop};

    *text = (struct rv_reader_text){
        .reader = reader, .delimiter = delimiter, .wanted_bytes = wanted_bytes};
    rv_future_init(&text->future, &ops);
}

void rv_reader_line_init(struct rv_reader_text *line, struct rv_reader *reader)
{
    text_init(line, reader, "\n", 1);
    line->is_line = true;
}

void rv_reader_until_init(struct rv_reader_text *until,
                          struct rv_reader *reader, const char *delimiter,
                          size_t delimiter_bytes)
{
    RV_CHECK(delimiter_bytes > 0, "an empty delimiter");
    text_init(until, reader, delimiter, delimiter_bytes);
}

void rv_reader_peek_init(struct rv_reader_text *peek_, struct rv_reader *reader,
                         size_t min_bytes)
{
    text_init(peek_, reader, NULL, min_bytes);
}

/* --- at once ----------------------------------------------------------- */

static int try_text(struct rv_reader_text *self, struct rv_text *text)
{
    const int result = rv_reader_look(self);

    *text = self->text;
    return result;
}

int rv_reader_try_line(struct rv_reader *reader, struct rv_text *line)
{
    struct rv_reader_text op;

    rv_reader_line_init(&op, reader);
    return try_text(&op, line);
}

int rv_reader_try_until(struct rv_reader *reader, const char *delimiter,
                        size_t delimiter_bytes, struct rv_text *text)
{
    struct rv_reader_text op;

    rv_reader_until_init(&op, reader, delimiter, delimiter_bytes);
    return try_text(&op, text);
}

int rv_reader_try_peek(struct rv_reader *reader, size_t min_bytes,
                       struct rv_text *text)
{
    return peek(reader, min_bytes, text);
}

/* --- read -------------------------------------------------------------- */

/* First what is in the buffer, then past it. Returns: as poll_read of an io. */
static ssize_t poll_read(struct rv_reader *reader, struct rv_cx *cx,
                         void *buffer, size_t len_bytes)
{
    size_t left = left_bytes(reader);
    ssize_t n;

    if (left > len_bytes)
        left = len_bytes;
    if (left > 0 || len_bytes == 0) {
        memcpy(buffer, reader->buffer + reader->at, left);
        reader->at += left;
        return (ssize_t)left;
    }
    if (reader->ended)
        return 0;
    n = rv_io_poll_read(reader->io, cx, buffer, len_bytes);
    reader->ended = n == 0;
    return n;
}

static enum rv_poll read_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_reader_read *self =
        RV_CONTAINER_OF(future, struct rv_reader_read, future);
    const ssize_t n = poll_read(self->reader, cx, self->buffer,
                                rv_io_at_most_int(self->len_bytes));

    if (n == -EAGAIN)
        return rv_io_wait(future, self->reader->io, RV_READ);
    future->result = (int32_t)n;
    return RV_READY;
}

static void read_drop(struct rv_future *future)
{
    struct rv_reader_read *self =
        RV_CONTAINER_OF(future, struct rv_reader_read, future);

    rv_io_stop_waiting(future, self->reader->io, RV_READ);
}

void rv_reader_read_init(struct rv_reader_read *read, struct rv_reader *reader,
                         void *buffer, size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "rv_reader_read", .poll = read_poll, .drop = read_drop};

    *read = (struct rv_reader_read){
        .reader = reader, .buffer = buffer, .len_bytes = len_bytes};
    rv_future_init(&read->future, &ops);
}

static enum rv_poll exact_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_reader_exact *self =
        RV_CONTAINER_OF(future, struct rv_reader_exact, future);

    future->result = 1;
    while (self->got_bytes < self->len_bytes) {
        const ssize_t n =
            poll_read(self->reader, cx, self->buffer + self->got_bytes,
                      self->len_bytes - self->got_bytes);

        if (n == -EAGAIN)
            return rv_io_wait(future, self->reader->io, RV_READ);
        if (n <= 0) {
            future->result = n == 0 && self->got_bytes > 0 ? -ENOMSG : (int)n;
            break;
        }
        self->got_bytes += (size_t)n;
    }
    return RV_READY;
}

static void exact_drop(struct rv_future *future)
{
    struct rv_reader_exact *self =
        RV_CONTAINER_OF(future, struct rv_reader_exact, future);

    rv_io_stop_waiting(future, self->reader->io, RV_READ);
}

void rv_reader_exact_init(struct rv_reader_exact *exact,
                          struct rv_reader *reader, void *buffer,
                          size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "rv_reader_exact", .poll = exact_poll, .drop = exact_drop};

    *exact = (struct rv_reader_exact){
        .reader = reader, .buffer = buffer, .len_bytes = len_bytes};
    rv_future_init(&exact->future, &ops);
}

/* --- all --------------------------------------------------------------- */

/* Returns: the room in *out, at least one byte; 0: its limit is reached;
 * -ENOMEM. */
static ssize_t make_room(struct rv_bytes *out)
{
    size_t more = FULL_READ_BYTES;
    int error;

    if (out->max_bytes && out->max_bytes - out->len_bytes < more)
        more = out->max_bytes - out->len_bytes;
    if (more == 0)
        return 0;
    error = rv_bytes_reserve(out, more);
    if (error)
        return error;
    return (ssize_t)rv_io_at_most_int(out->cap_bytes - out->len_bytes);
}

/* If *out is full, one more read tells whether there is more: its bytes stay in
 * the reader. Returns: as poll_read of an io; -EMSGSIZE. */
static ssize_t poll_all(struct rv_reader *reader, struct rv_bytes *out,
                        struct rv_cx *cx)
{
    const ssize_t room = make_room(out);
    ssize_t n;

    if (room < 0)
        return room;
    if (room == 0) {
        n = left_bytes(reader) > 0 ? 1 : read_ahead(reader, cx);
        return n > 0 ? -EMSGSIZE : n;
    }
    n = poll_read(reader, cx, out->data + out->len_bytes, (size_t)room);
    if (n > 0)
        out->len_bytes += (size_t)n;
    out->data[out->len_bytes] = '\0';
    return n;
}

static enum rv_poll all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_reader_all *self =
        RV_CONTAINER_OF(future, struct rv_reader_all, future);
    ssize_t n;

    do {
        n = poll_all(self->reader, self->out, cx);
    } while (n > 0);
    if (n == -EAGAIN)
        return rv_io_wait(future, self->reader->io, RV_READ);
    future->result = (int32_t)n;
    return RV_READY;
}

static void all_drop(struct rv_future *future)
{
    struct rv_reader_all *self =
        RV_CONTAINER_OF(future, struct rv_reader_all, future);

    rv_io_stop_waiting(future, self->reader->io, RV_READ);
}

void rv_reader_all_init(struct rv_reader_all *all, struct rv_reader *reader,
                        struct rv_bytes *out)
{
    static const struct rv_future_ops ops = {
        .name = "rv_reader_all", .poll = all_poll, .drop = all_drop};

    rv_future_init(&all->future, &ops);
    all->reader = reader;
    all->out = out;
}
