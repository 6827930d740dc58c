/* SPDX-License-Identifier: MIT */
/*
 * output.c - writes the bodies of `reveil get` to stdout, in order, or to
 * files.
 *
 * Writes block the thread: epoll cannot wait for a regular file, and the reader
 * of stdout sets the pace.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <reveil/base.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/write_all.h"
#include "cli/cli.h"
#include "cli/language.h"
#include "http/client/new_file.h"

enum { BATCH_BYTES = 16 * 1024, NAME_BYTES = 256 };

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
            cli_fail(CLI_FAILED, "%s",
                     say("out of memory", "plus assez de mémoire"));
        return output->waiting ? 0 : -1;
    }
    if (mkdir(directory, 0777) == 0 || errno == EEXIST)
        output->directory_fd =
            open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (output->directory_fd >= 0)
        return 0;
    cli_fail(CLI_FAILED,
             say("cannot use the directory %s: %s",
                 "impossible d’utiliser le dossier %s : %s"),
             directory, strerror(errno));
    return -1;
}

/* Like the files that are written as data arrives: http/client/new_file.h. */
static int write_file(struct output *output, const char *name,
                      const struct output_body *body)
{
    char temp[2 * NAME_BYTES];
    const int fd = rv_new_file_open(output->directory_fd, name, temp);
    int error;

    if (fd < 0)
        return fd;
    error = rv_write_all(fd, body->data, body->len_bytes, NULL);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    if (error == 0)
        error = rv_new_file_commit(output->directory_fd, temp, name);
    if (error < 0)
        unlinkat(output->directory_fd, temp, 0);
    return error;
}

static void put_file(struct output *output, size_t number,
                     const struct output_body *body)
{
    char name[NAME_BYTES];

    urls_file_name(name, sizeof name, number + 1,
                   output->urls->list[number % output->urls->count]);
    output->error = write_file(output, name, body);
    if (output->error < 0)
        cli_fail(
            CLI_FAILED,
            say("cannot write %s/%s: %s", "impossible d’écrire %s/%s : %s"),
            output->directory, name, strerror(-output->error));
}

/* Collects small bodies, so that one write() takes many of them to stdout. */
struct batch {
    struct output *output;
    size_t len_bytes;
    char text[BATCH_BYTES];
};

static void write_out(struct output *output, const char *data, size_t len_bytes)
{
    if (output->error < 0)
        return;
    output->error = rv_write_all(STDOUT_FILENO, data, len_bytes, NULL);
    if (output->error < 0)
        cli_fail(CLI_FAILED,
                 say("cannot write to stdout: %s",
                     "impossible d’écrire sur la sortie standard : %s"),
                 strerror(-output->error));
}

static void write_batch(struct batch *batch)
{
    if (batch->len_bytes > 0)
        write_out(batch->output, batch->text, batch->len_bytes);
    batch->len_bytes = 0;
}

static void add_to_batch(struct batch *batch, const struct output_body *body)
{
    if (body->len_bytes > BATCH_BYTES - batch->len_bytes)
        write_batch(batch);
    if (body->len_bytes > BATCH_BYTES) {
        write_out(batch->output, body->data, body->len_bytes);
    } else if (body->len_bytes > 0) {
        memcpy(batch->text + batch->len_bytes, body->data, body->len_bytes);
        batch->len_bytes += body->len_bytes;
    }
}

void output_flush(struct output *output)
{
    struct batch batch;

    if (output->directory)
        return;
    batch.output = output;
    batch.len_bytes = 0;
    while (output->next < output->total &&
           output->waiting[output->next].settled) {
        struct output_body *body = &output->waiting[output->next++];

        add_to_batch(&batch, body);
        rv_free(body->data);
        body->data = NULL;
    }
    write_batch(&batch);
}

void output_put(struct output *output, size_t number, char *data,
                size_t len_bytes)
{
    const struct output_body body = {data, len_bytes, true};

    if (!output->directory) {
        output->waiting[number] = body;
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
        output->waiting[number] = nothing;
}

void output_close(struct output *output)
{
    if (output->directory_fd >= 0)
        close(output->directory_fd);
    for (size_t i = 0; output->waiting && i < output->total; i++)
        rv_free(output->waiting[i].data);
    free(output->waiting);
}
