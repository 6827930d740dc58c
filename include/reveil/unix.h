/* SPDX-License-Identifier: MIT */
/*
 * unix.h - Unix stream sockets as futures, between programs on one machine.
 *
 *     rv_unix_listen(&listener, "/run/user/1000/chat");
 *
 *     error = rv_unix_connect("/run/user/1000/chat", &client,
 *                             rv_after_ms(1000));          in a coroutine
 *     if (!error)
 *         error = rv_stream_accept(&listener, &server, NULL, RV_NEVER);
 *
 * Only the address differs from TCP: the socket is a struct rv_stream, and
 * accept, recv, send, shutdown and close are those of net.h.
 *
 * A path that begins with '@' is a name in the abstract namespace of Linux. It
 * is not a file, and it disappears when its socket is closed.
 */
#ifndef RV_UNIX_H
#define RV_UNIX_H

#include <reveil/executor.h>
#include <reveil/net.h>
#include <sys/un.h>

RV_BEGIN_DECLS

/*
 * Create the socket file `path` and listen on it. Closing the socket does not
 * remove the file: the caller unlinks it, including one that an earlier run has
 * left behind.
 *
 * Threads: one with a current reactor.
 * Returns: 0; -EADDRINUSE: the file exists; -ENAMETOOLONG: more than 107 bytes;
 * -EINVAL: empty; -ENOENT, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_unix_listen(struct rv_stream *out, const char *path);

/* Connect, in a coroutine; with deadline and rules as in net.h. Returns: 0, and
 * *out is a socket; as struct rv_unix_connect; -ETIMEDOUT, -ECANCELED. */
int rv_unix_connect(const char *path, struct rv_stream *out,
                    int64_t deadline_ns);

/*
 * result: 0; -ENOENT; -ECONNREFUSED: the file has no listener; ... *stream is a
 * socket only after 0. While the listener's queue is full, the future tries
 * again every few milliseconds without a limit: use rv_timeout around it.
 */
struct rv_unix_connect {
    struct rv_future future;
    struct rv_stream *stream; /* private, as are the fields after it */
    struct sockaddr_un addr;
    socklen_t addr_bytes;
    int error; /* of the path, reported by the first poll */
    int fd_plus_1;
    int64_t pause_ms;
    struct rv_sleep pause;
};

/* path: copied. If it is too long or empty, the result is -ENAMETOOLONG or
 * -EINVAL. `stream` must stay valid and unmoved until the future is READY or
 * dropped. */
void rv_unix_connect_init(struct rv_unix_connect *connect, const char *path,
                          struct rv_stream *stream);

RV_END_DECLS

#endif /* RV_UNIX_H */
