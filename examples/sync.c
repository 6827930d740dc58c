/* SPDX-License-Identifier: MIT */
/* sync.c - write a text to a file, and return when it is on the disk:
 * sync FILE TEXT
 *
 * The write and its fsync are submitted as a chain: the fsync begins when the
 * write is complete, and the executor is woken when both are done. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

/* Returns: a buffer with the text and a newline; NULL: out of memory. */
static struct rv_buf *line_of(const char *text)
{
    const size_t len = strlen(text);
    struct rv_buf *buf = rv_buf_new(len + 1);

    if (!buf)
        return NULL;
    memcpy(buf->data, text, len);
    buf->data[len] = '\n';
    buf->len_bytes = len + 1;
    return buf;
}

/* Returns: 0, negative errno. */
static int put(const char *path, const char *text)
{
    struct rv_buf *line = line_of(text);
    struct rv_file_write_all all;
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    int error;

    if (!line)
        return -ENOMEM;
    error = rv_runtime_start_with(&runtime, &options);
    if (!error) {
        rv_file_write_all_init(&all, path, 0644, line, true);
        error = rv_runtime_block_on(runtime, &all.future);
        rv_drop(&all.future);
        rv_runtime_stop(runtime);
    }
    rv_buf_put(line);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: sync FILE TEXT\n", where);
    return status;
}

int main(int argc, char **argv)
{
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 3)
        return usage(stderr, 2);
    error = put(argv[1], argv[2]);
    if (error)
        fprintf(stderr, "sync: %s: %s\n", argv[1], rv_strerror(error));
    return error ? 1 : 0;
}
