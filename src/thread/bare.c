/* SPDX-License-Identifier: MIT */
/*
 * bare.c - the pipe thread on a bare thread, and the only code of ours there.
 *
 * Threads: bare ones (thread.h). So this file is freestanding: it calls
 * nothing, touches no thread-local variable, and makes its system calls
 * itself; src/meson.build forbids the compiler to add calls of its own, and
 * tests/thread/test_freestanding sees to it that the object imports nothing.
 */
#include "thread/pipe_thread_loop.h"

#if RV_THREAD_BARE

#include "thread/bare_syscall.h"

static long bare_read(int fd, void *buffer, size_t len_bytes)
{
    return rv_bare_syscall(__NR_read, fd, (long)buffer, (long)len_bytes);
}

static long bare_write(int fd, const void *buffer, size_t len_bytes)
{
    return rv_bare_syscall(__NR_write, fd, (long)buffer, (long)len_bytes);
}

static long bare_close(int fd)
{
    return rv_bare_syscall(__NR_close, fd, 0, 0);
}

void rv_pipe_thread_bare_main(void *args)
{
    static const struct rv_pipe_thread_io io = {
        .read = bare_read, .write = bare_write, .close = bare_close};

    rv_pipe_thread_loop(args, &io);
}

#else /* nobody starts it; rv_thread_start() says -ENOSYS */

void rv_pipe_thread_bare_main(void *args)
{
    (void)args;
}

#endif
