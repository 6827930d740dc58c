/* SPDX-License-Identifier: MIT */
/*
 * output.c - where the bodies of `reveil get` go: stdout, in order, or files.
 *
 * Writing blocks the thread: a regular file cannot be waited for with epoll,
 * and whoever reads stdout sets the pace.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <reveil/base.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

int output_open(struct output *output, const char *directory,
                const struct urls *urls, size_t total)
{
    *output = (struct output){.directory = directory,
                              .directory_fd = -1,
                              .urls = urls,
                              .total = total};
    if (!directory) {
        output->waiting = calloc(total, sizeof *output->waiting);
        if (!output->waiting)
            cli_fail(CLI_FAILED, "out of memory");
        return output->waiting ? 0 : -1;
    }
    if (mkdir(directory, 0777) == 0 || errno == EEXIST)
        output->directory_fd =
            open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (output->directory_fd >= 0)
        return 0;
    cli_fail(CLI_FAILED, "cannot use the directory %s: %s", directory,
             strerror(errno));
    return -1;
}

static int write_file(struct output *output, const char *name,
                      const struct output_body *body)
{
    /* O_NOFOLLOW: a link that somebody left there leads nowhere. */
    const int fd =
        openat(output->directory_fd, name,
               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    int err;

    if (fd < 0)
        return -errno;
    err = cli_write(fd, body->data, body->len_bytes);
    if (close(fd) < 0 && err == 0)
        err = -errno;
    return err;
}

static void put_file(struct output *output, size_t number,
                     const struct output_body *body)
{
    char name[256];

    urls_file_name(name, sizeof name, number + 1,
                   output->urls->list[number % output->urls->count]);
    output->error = write_file(output, name, body);
    if (output->error < 0)
        cli_fail(CLI_FAILED, "cannot write %s/%s: %s", output->directory, name,
                 strerror(-output->error));
}

/* Write what waits, as far as there is no gap. */
static void write_in_order(struct output *output)
{
    while (output->next < output->total && output->error == 0) {
        struct output_body *body = &output->waiting[output->next];

        if (!body->settled)
            return;
        output->error = cli_write(STDOUT_FILENO, body->data, body->len_bytes);
        if (output->error < 0)
            cli_fail(CLI_FAILED, "cannot write to stdout: %s",
                     strerror(-output->error));
        rv_free(body->data);
        body->data = NULL;
        output->next++;
    }
}

/* The body's turn on stdout will come; it may have come already. */
static void put_in_order(struct output *output, size_t number,
                         const struct output_body *body)
{
    output->waiting[number] = *body;
    write_in_order(output);
}

void output_put(struct output *output, size_t number, char *data,
                size_t len_bytes)
{
    const struct output_body body = {data, len_bytes, true};

    if (!output->directory) {
        put_in_order(output, number, &body);
        return;
    }
    if (output->error == 0)
        put_file(output, number, &body);
    rv_free(data);
}

void output_skip(struct output *output, size_t number)
{
    const struct output_body nothing = {NULL, 0, true};

    if (!output->directory)
        put_in_order(output, number, &nothing);
}

void output_close(struct output *output)
{
    if (output->directory_fd >= 0)
        close(output->directory_fd);
    for (size_t i = 0; output->waiting && i < output->total; i++)
        rv_free(output->waiting[i].data);
    free(output->waiting);
}
