/* SPDX-License-Identifier: MIT */
/*
 * program.h - start-up code of every program; copy it along with an example.
 *
 *     int main(int argc, char **argv)
 *     {
 *         program_start(1);
 *
 * It prevents two ways to lose a user's data:
 *
 *   - A program may be started with stdin, stdout or stderr closed (prog >&-).
 *     The first file or socket that it opens would get that number, and a
 *     printf() would write into it.
 *   - Status 0 must mean that all output was written. A full disk (try prog
 *     >/dev/full) is noticed when stdio flushes, possibly after main().
 *
 * Threads: main(), before it starts others.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#ifndef _GNU_SOURCE
#error "compile with -D_GNU_SOURCE: see examples/README.md"
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int program_failed; /* the status to exit with when output is lost */

/*
 * If `fd` is closed, occupy its number, so that no other file can get it:
 * open /dev/null in the wrong mode. Reads and writes fail with EBADF, as if it
 * were still closed.
 */
static inline bool program_occupy(int fd)
{
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
        return true;
    /* open() returns the lowest free number, which is `fd`. EMFILE: the limit
     * is so low that no other file can get the number either. */
    return open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == fd ||
           errno == EMFILE;
}

/* Returns: whether all that was printed was also written. */
static inline bool program_flush_stdout(void)
{
    int copy;

    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        return false;
    /* Some file systems report a full disk only at close(). stdout itself stays
     * open, for a thread that still prints. */
    copy = dup(STDOUT_FILENO);
    return copy < 0 || close(copy) == 0;
}

/* Runs at exit(), and so after main(). */
static inline void program_check_output(void)
{
    if (!program_flush_stdout()) {
        fprintf(stderr, "%s: write error on stdout%s%s\n",
                program_invocation_short_name, errno ? ": " : "",
                errno ? strerror(errno) : "");
        _exit(program_failed);
    }
    if (ferror(stderr))
        _exit(program_failed);
}

/*
 * Call it first in main().
 *
 * failed: the exit status if output was lost, whatever main() returns.
 */
static inline void program_start(int failed)
{
    program_failed = failed;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (!program_occupy(fd))
            _exit(failed); /* stderr may be closed: no message */
    if (atexit(program_check_output) != 0)
        _exit(failed);
}

/*
 * For --help, and for less than `least` or more than `most` arguments: print
 * "usage: ..." and exit, with 0 or 2.
 */
static inline void program_usage(int argc, char **argv, int least, int most,
                                 const char *usage)
{
    const bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;

    if (!asked && argc - 1 >= least && argc - 1 <= most)
        return;
    fprintf(asked ? stdout : stderr, "usage: %s\n", usage);
    exit(asked ? 0 : 2);
}

/* RV_DISK=pool in the environment: files go through the pool for calls that
 * block, not through io_uring. For rv_ring_options.off. */
static inline bool program_wants_pool(void)
{
    const char *disk = getenv("RV_DISK");

    return disk && strcmp(disk, "pool") == 0;
}

#endif /* PROGRAM_H */
