/* SPDX-License-Identifier: MIT */
/*
 * bare.c - the body of a bare pipe thread.
 *
 * Threads: bare ones (thread.h). This is the only code of the library that runs
 * on them. So the file is freestanding: it calls nothing, uses no thread-local
 * variable, and makes its system calls itself. The flags in src/meson.build
 * keep the compiler from adding calls, and tests/thread/test_freestanding
 * checks that the object imports nothing.
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
    static const struct rv_pipe_thread_io io = {.read = bare_read,
                                                .write = bare_write,
                                                .close = bare_close,
                                                .run = rv_callable_run};

    rv_pipe_thread_loop(args, &io);
}

#else /* never started: rv_thread_start() returns -ENOSYS */

void rv_pipe_thread_bare_main(void *args)
{
    (void)args;
}

#endif
