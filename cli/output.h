/* SPDX-License-Identifier: MIT */
/*
 * output.h - writes the bodies of `reveil get` to stdout, in order, or to
 * files.
 */
#ifndef RV_CLI_OUTPUT_H
#define RV_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/urls.h"

struct output_body {
    char *data; /* owned, from rv_alloc() */
    size_t len_bytes;
    bool settled; /* it has arrived, or will not */
};

struct output {
    const char *directory; /* NULL: stdout */
    int directory_fd;
    const struct urls *urls;
    struct output_body *waiting; /* for stdout: by number */
    size_t total;
    size_t next; /* number of the next body for stdout */
    int error;   /* the first error, already reported */
};

/* Create `directory` if it does not exist. Returns: 0, or -1 after a message.
 */
int output_open(struct output *output, const char *directory,
                const struct urls *urls, size_t total);

/*
 * Add the body with this number (from 0); `data` may be NULL if it is empty.
 * A body for stdout is written by output_flush(). The first error is reported
 * on stderr; after it nothing is written.
 *
 * Owns: the output owns `data`.
 */
void output_put(struct output *output, size_t number, char *data,
                size_t len_bytes);

/* The body with this number will not arrive. */
void output_skip(struct output *output, size_t number);

/* Write the bodies for stdout up to the first one that is missing. */
void output_flush(struct output *output);

void output_close(struct output *output);

#endif /* RV_CLI_OUTPUT_H */
