/* SPDX-License-Identifier: MIT */
/*
 * reader.h - lines, fixed sizes and delimiters out of any rv_io.
 *
 *     struct rv_reader reader;
 *     struct rv_text line;
 *     char memory[4096];
 *     int n;
 *
 *     rv_reader_init(&reader, io, memory, sizeof memory);
 *     while ((n = rv_reader_line(&reader, &line, rv_after_ms(60000))) == 1)
 *         puts(line.data);
 *     ... n is 0 at the end of the input, otherwise a negative errno
 *
 * The reader reads ahead into the caller's buffer. A text that it returns lies
 * in that buffer, ends with a NUL and is valid until the next call for the
 * reader. Nothing is allocated.
 *
 * Nothing is lost. After -ETIMEDOUT, -ECANCELED, a drop, or -EMSGSIZE the input
 * that was read is still in the reader, and the same call continues. After
 * -EMSGSIZE it needs a larger buffer (rv_reader_move()), or what is there must
 * be consumed. If the input ends inside of a text, the result is -ENOMSG, and
 * the text is what there was. No other call returns -ENOMSG but
 * rv_stream_recv_whole(), for the same reason: a peer that does not read any
 * more is -EPIPE, from a write.
 *
 * The io must not be read without the reader while the reader has bytes.
 */
#ifndef RV_READER_H
#define RV_READER_H

#include <reveil/bytes.h>
#include <reveil/io.h>

RV_BEGIN_DECLS

/* Bytes in the buffer of a reader. data[len_bytes] is a NUL. */
struct rv_text {
    char *data;
    size_t len_bytes;
};

/* Embed it. One task may use it at a time. */
struct rv_reader {
    struct rv_io *io; /* private, as are the rest */
    char *buffer;
    size_t cap_bytes; /* without the byte for a NUL */
    size_t at;        /* the first byte that is not consumed */
    size_t end;
    bool ended; /* the io has returned 0 */
};

/*
 * Owns:      the caller keeps `io` and the buffer. Both must stay valid and
 *            unmoved while the reader is used; it has no fini.
 * cap_bytes: the longest text, with its delimiter, plus one. Misuse: below 2.
 */
void rv_reader_init(struct rv_reader *reader, struct rv_io *io, char *buffer,
                    size_t cap_bytes);

/*
 * Continue in another buffer, to which the bytes that are not consumed are
 * copied. The old one is not used any more.
 *
 * Returns: 0; -EMSGSIZE: they do not fit, and nothing has changed.
 */
int rv_reader_move(struct rv_reader *reader, char *buffer, size_t cap_bytes);

/* The bytes that were read and are not consumed yet. No NUL follows them. */
struct rv_text rv_reader_buffered(const struct rv_reader *reader);

/* Consume bytes that a peek has returned. Misuse: there are fewer. */
void rv_reader_consume(struct rv_reader *reader, size_t len_bytes);

/* --- at once ----------------------------------------------------------- */

/* As the calls without `try`, with what is in the buffer: no system call is
 * made. Returns: also -EAGAIN: more must be read. */
int rv_reader_try_line(struct rv_reader *reader, struct rv_text *line);
int rv_reader_try_until(struct rv_reader *reader, const char *delimiter,
                        size_t delimiter_bytes, struct rv_text *text);
int rv_reader_try_peek(struct rv_reader *reader, size_t min_bytes,
                       struct rv_text *text);

/* --- futures ----------------------------------------------------------- */

/* A line, a text with a delimiter, or a peek. result and `text`: as described
 * for the calls in a coroutine. */
struct rv_reader_text {
    struct rv_future future;
    struct rv_text text;
    struct rv_reader *reader; /* private, as are the rest */
    const char *delimiter;    /* NULL: a peek */
    size_t wanted_bytes;      /* of the delimiter, or of the peek */
    size_t searched_bytes;    /* they have no delimiter */
    bool is_line;
};

/* Owns: the caller keeps the reader and the delimiter, which must stay valid
 * and unmoved until the future is READY or dropped. */
void rv_reader_line_init(struct rv_reader_text *line, struct rv_reader *reader);
void rv_reader_until_init(struct rv_reader_text *until,
                          struct rv_reader *reader, const char *delimiter,
                          size_t delimiter_bytes);
void rv_reader_peek_init(struct rv_reader_text *peek, struct rv_reader *reader,
                         size_t min_bytes);

/* result: bytes; 0 at the end; a negative errno. */
struct rv_reader_read {
    struct rv_future future;
    struct rv_reader *reader; /* private, as are the rest */
    void *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps the reader and the buffer, until the future is READY
 * or dropped. */
void rv_reader_read_init(struct rv_reader_read *read, struct rv_reader *reader,
                         void *buffer, size_t len_bytes);

/* result: as rv_reader_exact(). `got_bytes` is valid at any time, also after an
 * error or a drop. */
struct rv_reader_exact {
    struct rv_future future;
    size_t got_bytes;
    struct rv_reader *reader; /* private, as are the rest */
    char *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps the reader and the buffer, until the future is READY
 * or dropped. */
void rv_reader_exact_init(struct rv_reader_exact *exact,
                          struct rv_reader *reader, void *buffer,
                          size_t len_bytes);

/* Read to the end. result: as rv_reader_all(). */
struct rv_reader_all {
    struct rv_future future;
    struct rv_reader *reader; /* private, as is the rest */
    struct rv_bytes *out;
};

/* Owns: the caller keeps the reader and *out, until the future is READY or
 * dropped. */
void rv_reader_all_init(struct rv_reader_all *all, struct rv_reader *reader,
                        struct rv_bytes *out);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * Read a line. *line is without its end, which is "\n" or "\r\n", and is
 * consumed together with it.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. In the past: try once.
 * Blocks:  the coroutine, never the thread.
 * Returns: 1: *line is a line, perhaps an empty one.
 *          0: the input has ended, after a whole line.
 *          -ENOMSG: it has ended inside of a line: *line is that part, and is
 *          consumed. A program for text files takes it as the last line.
 *          -EMSGSIZE: the buffer is full without an end of line.
 *          -ETIMEDOUT, -ECANCELED; another negative errno of the io.
 */
int rv_reader_line(struct rv_reader *reader, struct rv_text *line,
                   int64_t deadline_ns);

/* The same for a text up to a delimiter of 1 or more bytes, which is consumed
 * but is not in *text. Misuse: delimiter_bytes is 0. */
int rv_reader_until(struct rv_reader *reader, const char *delimiter,
                    size_t delimiter_bytes, struct rv_text *text,
                    int64_t deadline_ns);

/*
 * Look at what follows, without consuming it: see rv_reader_consume(). *text is
 * all that is in the buffer, at least min_bytes. No NUL follows it.
 *
 * Returns: 1; 0: the input has ended and nothing is left; -ENOMSG: fewer bytes
 * are left: *text has them; -EMSGSIZE: the buffer is smaller than min_bytes; as
 * rv_reader_line().
 */
int rv_reader_peek(struct rv_reader *reader, size_t min_bytes,
                   struct rv_text *text, int64_t deadline_ns);

/* Read what is there into another buffer, first what the reader has. Returns:
 * bytes; 0 at the end; -ETIMEDOUT, -ECANCELED, another negative errno. */
int rv_reader_read(struct rv_reader *reader, void *buffer, size_t len_bytes,
                   int64_t deadline_ns);

/*
 * Read exactly len_bytes, as many as you like, past the reader's buffer.
 *
 * *got_bytes: how many are in `buffer`, also after an error: continue with
 *          the others. NULL: after an error they are lost.
 * Returns: 1; 0: the input has ended before the first byte; -ENOMSG: it has
 *          ended inside; -ETIMEDOUT, -ECANCELED, another negative errno.
 */
int rv_reader_exact(struct rv_reader *reader, void *buffer, size_t len_bytes,
                    size_t *got_bytes, int64_t deadline_ns);

/* Append everything up to the end to *out. Returns: 0; -EMSGSIZE: there is more
 * than out->max_bytes, and the rest is still to be read; -ENOMEM; -ETIMEDOUT,
 * -ECANCELED, another negative errno. *out has what was read. */
int rv_reader_all(struct rv_reader *reader, struct rv_bytes *out,
                  int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_READER_H */
