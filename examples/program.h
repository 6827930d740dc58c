/* SPDX-License-Identifier: MIT */
/*
 * program.h - what every program does first; copy it along with an example.
 *
 *     int main(int argc, char **argv)
 *     {
 *         program_start(1);
 *
 * It keeps two promises that a program makes without a word, and that cost
 * somebody their data where they are forgotten:
 *
 *   - Nothing but the output goes into stdout. A program may be started with
 *     stdin, stdout or stderr closed (prog >&-). Then the first file or socket
 *     that it opens gets that number, and a printf() goes into it.
 *   - Status 0 means that all the output was written. A full disk (try prog
 *     >/dev/full) shows when stdio flushes, which may be after main().
 *
 * Threads: main(), before there are others.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int program_failed; /* the status to exit with when output is lost */

/*
 * Take the place of a descriptor that is closed, so that nothing else can get
 * its number: /dev/null, opened the wrong way round. To read from it or to
 * write to it fails as if it were closed still, with EBADF.
 */
static inline bool program_hold_place(int fd)
{
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
        return true;
    /* The lowest free number is this one: those below it are open. EMFILE: so
     * few descriptors are allowed that nothing else can get it either. */
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
    /* Some file systems tell only at a close that there was no room. stdout
     * itself stays open, for a thread that still prints. */
    copy = dup(STDOUT_FILENO);
    return copy < 0 || close(copy) == 0;
}

/* At exit(), and so after main() too. */
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
 * Call it first of all in main().
 *
 * failed: the status to exit with when output was lost, whatever main()
 *         returns.
 */
static inline void program_start(int failed)
{
    program_failed = failed;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (!program_hold_place(fd))
            _exit(failed); /* there may be nowhere to say it */
    if (atexit(program_check_output) != 0)
        _exit(failed);
}

#endif /* PROGRAM_H */
