/* SPDX-License-Identifier: MIT */
/*
 * output.h - where the bodies of `reveil get` go: stdout, in order, or files.
 */
#ifndef RV_CLI_OUTPUT_H
#define RV_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/urls.h"

struct output_body {
    char *data; /* owned, from rv_alloc() */
    size_t len_bytes;
    bool settled; /* it came, or there will be none */
};

struct output {
    const char *directory; /* NULL: stdout */
    int directory_fd;
    const struct urls *urls;
    struct output_body *waiting; /* for stdout: by number */
    size_t total;
    size_t next; /* number of the body that stdout waits for */
    int error;   /* the first, reported already */
};

/* Make `directory` if it is not there. Returns: 0, or -1 after a message. */
int output_open(struct output *output, const char *directory,
                const struct urls *urls, size_t total);

/*
 * The body with this number (from 0) came; it may be NULL if it is empty. For
 * stdout it waits for output_flush(). After an error, which is told on stderr,
 * nothing is written any more.
 *
 * Owns: `data` is the output's.
 */
void output_put(struct output *output, size_t number, char *data,
                size_t len_bytes);

/* There will be no body with this number. */
void output_skip(struct output *output, size_t number);

/* Write to stdout what waits, as far as there is no gap. */
void output_flush(struct output *output);

void output_close(struct output *output);

#endif /* RV_CLI_OUTPUT_H */
