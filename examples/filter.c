/* SPDX-License-Identifier: MIT */
/*
 * filter.c - number the lines of stdin, whatever stdin is.
 *
 *     printf 'one\ntwo\n' | filter
 *
 * It writes before it waits for more input, so that it works at a terminal, and
 * many lines at a time otherwise. The last line may lack its end; a line of
 * 64 KiB or more is an error. Ctrl-C ends it, with exit status 130: not all of
 * the lines are there.
 */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>

#include "program.h"

static int write_out(struct rv_fd_io *out, struct rv_bytes *text)
{
    const int error =
        rv_io_write_all(&out->io, text->data, text->len_bytes, RV_NEVER);

    text->len_bytes = 0;
    return error;
}

static int number(struct rv_fd_io *in, struct rv_fd_io *out,
                  struct rv_bytes *text)
{
    static char memory[64 * 1024];
    struct rv_reader reader;
    struct rv_text line;
    int lines = 0;
    int error = 0;
    int n;

    rv_reader_init(&reader, &in->io, memory, sizeof memory);
    while (!error) {
        n = rv_reader_try_line(&reader, &line);
        if (n == -EAGAIN) {
            error = write_out(out, text);
            if (error)
                return error;
            n = rv_reader_line(&reader, &line, RV_NEVER);
        }
        if (n != 1 && n != -ENOMSG) /* -ENOMSG: a line without its end */
            return n;
        error = rv_bytes_printf(text, "%6d  %s\n", ++lines, line.data);
    }
    return error;
}

static int32_t filter(void *arg)
{
    struct rv_fd_io in = {0};
    struct rv_fd_io out = {0};
    struct rv_bytes text = {0};
    int error = rv_fd_io_init(&in, 0);
    int written;

    (void)arg;
    if (!error)
        error = rv_fd_io_init(&out, 1);
    if (!error) {
        error = number(&in, &out, &text);
        written = write_out(&out, &text); /* what came before an error */
        error = error ? error : written;
    }
    rv_bytes_fini(&text);
    rv_fd_io_fini(&out);
    rv_fd_io_fini(&in);
    return error;
}

int main(int argc, char **argv)
{
    int signal;
    const struct rv_run_options options = {.signal = &signal};
    int result;

    program_start(1);
    program_usage(argc, argv, 0, 0, "filter [<FILE]");
    result = rv_run_with(filter, NULL, &options);
    return signal ? 128 + signal : rv_exit_status("filter", result);
}
