/* SPDX-License-Identifier: MIT */
/*
 * fd_io.h - any descriptor as an rv_io: stdin and stdout of every kind.
 *
 *     struct rv_fd_io in;
 *     struct rv_reader reader;
 *     struct rv_text line;
 *     char memory[4096];
 *
 *     error = rv_fd_io_init(&in, STDIN_FILENO);
 *     rv_reader_init(&reader, &in.io, memory, sizeof memory);
 *     while (!error && rv_reader_line(&reader, &line, RV_NEVER) == 1)
 *         puts(line.data);
 *     rv_fd_io_fini(&in);
 *
 * A pipe, a terminal, a socket, a regular file, a device: no call blocks the
 * thread, and O_NONBLOCK is not set on a description that other processes
 * share. How:
 *
 *   socket            MSG_DONTWAIT
 *   pipe, terminal    opened again through /proc, non-blocking. If that fails:
 *                     poll(2) before each call, and writes of PIPE_BUF bytes;
 *                     a call blocks if another process takes the input or the
 *                     room in between
 *   file, device      as in file.h: page cache, ring, pool
 *   without epoll
 *
 * A write does not raise SIGPIPE. (In a thread that blocks the signal it is
 * left pending.)
 *
 * A wait ends at its deadline, or when its task is canceled. No call ends the
 * wait of another task, because a read of a file or a device cannot be ended. A
 * stream can: rv_stream_cancel(), and rv_stream_of_fd() for a socket.
 */
#ifndef RV_FD_IO_H
#define RV_FD_IO_H

#include <reveil/file.h>
#include <reveil/io.h>

RV_BEGIN_DECLS

/* Private: a read or a write on a descriptor that epoll refuses. */
struct rv_fd_io_op {
    struct rv_file_op op;
    struct rv_buf *buf;
    bool under_way;
};

/* Embed it. All zero is none. */
struct rv_fd_io {
    struct rv_io io;
    int fd_plus_1; /* private, as are the rest */
    uint8_t kind;
    bool is_write_only;
    bool guards_sigpipe;
    struct rv_source *source; /* opened at the first wait */
    struct rv_file *file;
    int64_t offset; /* in the file, or RV_FILE_POSITION */
    struct rv_fd_io_op ops[2];
};

/*
 * Read and write through a copy of `fd`, which stays the caller's and may be
 * closed. A pipe that is written to ends when the caller's descriptor is closed
 * and the io is shut down or finished.
 *
 * Whether SIGPIPE is ignored is looked up here: while it is not, a write to a
 * pipe costs two system calls more.
 *
 * Threads: one with a current reactor.
 * Returns: 0; -EBADF: `fd` is closed; -EMFILE, -ENOMEM, -ENODEV: no reactor. On
 * an error it is "none": fini is allowed.
 */
int rv_fd_io_init(struct rv_fd_io *io, int fd);

/* Close the copy. The position of a regular file is set behind what was read or
 * written. No future of the io may be pending. A no-op on "none". */
void rv_fd_io_fini(struct rv_fd_io *io);

RV_END_DECLS

#endif /* RV_FD_IO_H */
