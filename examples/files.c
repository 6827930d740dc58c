/* SPDX-License-Identifier: MIT */
/*
 * files.c - a web server for the files of a folder: files FOLDER HOST:PORT
 *
 * A file of any size is sent in pieces, at the pace of the client. Names that
 * begin with a dot are not served, ".." among them; symbolic links are.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum { PATH_BYTES = 1024, PATIENCE_MS = 60000, DRAIN_MS = 5000 };

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
    };
    const char *end = strrchr(path, '.');

    for (size_t i = 0; end && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(end, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* The path of the file, from the folder. Returns: false: it is not served. */
static bool find_path(struct rv_http_exchange *x, char path[PATH_BYTES])
{
    static const char index_name[] = "index.html";
    const struct rv_http_slice name = rv_http_param(x, "*");
    const ssize_t len = rv_http_decode(path, PATH_BYTES - sizeof index_name,
                                       x->bytes + name.at, name.len, false);

    if (len < 0 || path[0] == '.' || path[0] == '/' || strstr(path, "/."))
        return false;
    if (len == 0 || path[len - 1] == '/')
        memcpy(path + len, index_name, sizeof index_name);
    return true;
}

static int send_pieces(struct rv_http_exchange *x, struct rv_file *file,
                       int64_t len)
{
    char piece[16 * 1024];
    int64_t at = 0;
    int error = 0;

    while (at < len && !error && !x->head_only) {
        const int n = rv_file_read(file, piece, sizeof piece, at, RV_NEVER);

        if (n <= 0)
            return n ? n : -EIO; /* it has become shorter meanwhile */
        error = rv_http_send(x, piece, (size_t)n, rv_after_ms(PATIENCE_MS));
        at += n;
    }
    return error;
}

static int32_t send_file(struct rv_http_exchange *x, void *data)
{
    static const char missing[] = "no such file\n";
    struct rv_file *file = NULL;
    struct statx stat;
    char path[PATH_BYTES];
    /* O_NONBLOCK: a FIFO without a writer would hold up the open. */
    int error =
        find_path(x, path)
            ? rv_file_open(&file, path, O_RDONLY | O_NONBLOCK, 0, RV_NEVER)
            : -ENOENT;

    (void)data;
    if (!error)
        error = rv_file_stat(file, &stat, RV_NEVER);
    if (!error && !S_ISREG(stat.stx_mode))
        error = -ENOENT;
    if (!error)
        error = rv_http_begin(x, 200, type_of(path), (int64_t)stat.stx_size);
    if (!error)
        error = send_pieces(x, file, (int64_t)stat.stx_size);
    else if (error == -ENOENT || error == -ENOTDIR || error == -EACCES)
        error = rv_http_reply(x, 404, "text/plain", missing, strlen(missing));
    if (file)
        rv_file_close(&file, RV_NEVER);
    return error;
}

static int32_t serve(void *where)
{
    static const struct rv_http_route routes[] = {
        {.path = "/*", .method = "GET", .run = send_file},
        {.path = NULL},
    };
    const struct rv_http_handler handler = rv_http_routes(routes);

    return rv_http_serve_at(where, &handler, DRAIN_MS * RV_NS_PER_MS);
}

int main(int argc, char **argv)
{
    program_start(1);
    program_usage(argc, argv, 2, 2, "files FOLDER HOST:PORT");
    if (chdir(argv[1]) < 0)
        return rv_exit_status(argv[1], -errno);
    return rv_exit_status("files", rv_run(serve, argv[2]));
}
