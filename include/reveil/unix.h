/* SPDX-License-Identifier: MIT */
/*
 * unix.h - Unix stream sockets as futures: between programs of one machine.
 *
 *     rv_unix_listen(&self->listener, "/run/user/1000/chat");
 *     rv_stream_accept_init(&self->accept, &self->listener, &self->stream);
 *
 *     rv_unix_connect_init(&self->connect, "/run/user/1000/chat",
 *     &self->stream); RV_AWAIT(future, cx, &self->connect.future);
 *
 * Only the address differs: the socket is a struct rv_stream, and accept, recv,
 * send, shutdown and close are those of net.h.
 *
 * A path that begins with '@' is a name in the abstract namespace of Linux,
 * which is no file and goes with its socket.
 */
#ifndef RV_UNIX_H
#define RV_UNIX_H

#include <reveil/executor.h>
#include <reveil/net.h>
#include <sys/un.h>

/*
 * Make the file `path` and listen on it. The file stays after the close: the
 * caller unlinks it, also one that an earlier run has left.
 *
 * Threads: one with a current reactor.
 * Returns: 0; -EADDRINUSE: there is such a file; -ENAMETOOLONG: more than 107
 * bytes; -EINVAL: empty; -ENOENT, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_unix_listen(struct rv_stream *out, const char *path);

/*
 * result: 0, -ENOENT, -ECONNREFUSED (a file without a listener), ...; *stream
 * is a socket only after 0. A listener whose queue is full is asked again after
 * some milliseconds, for ever: put a timeout around it.
 */
struct rv_unix_connect {
    struct rv_future future;
    struct rv_stream *stream; /* private, as are the rest */
    struct sockaddr_un addr;
    socklen_t addr_bytes;
    int error; /* about the path */
    int fd_plus_1;
    int64_t pause_ms;
    struct rv_sleep pause;
};

/* path: copied. One that cannot be is told by the result: -ENAMETOOLONG,
 * -EINVAL. `stream` stays where it is until the future is READY or dropped. */
void rv_unix_connect_init(struct rv_unix_connect *connect, const char *path,
                          struct rv_stream *stream);

#endif /* RV_UNIX_H */
