/* SPDX-License-Identifier: MIT */
/*
 * filter.c - number the lines of stdin, whatever stdin is.
 *
 *     printf 'one\ntwo\n' | filter
 *
 * It writes before it waits for more input, so that it works at a terminal, and
 * many lines at a time otherwise. The last line may lack its end; a line of
 * 64 KiB or more is an error. Ctrl-C ends it.
 */
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

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
            if (!error)
                n = rv_reader_line(&reader, &line, RV_NEVER);
        }
        if (!error && n != 1 && n != -EPIPE)
            return n;
        if (!error)
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
    int error;

    if (argc > 1) {
        const int is_asked = strcmp(argv[1], "--help") == 0;

        fputs("usage: filter [<FILE]\n", is_asked ? stdout : stderr);
        return is_asked ? 0 : 2;
    }
    error = rv_run(filter, NULL);

    if (error < 0)
        fprintf(stderr, "filter: %s\n", rv_strerror(error));
    return error < 0;
}
