/* SPDX-License-Identifier: MIT */
/* fds.h - how many descriptors the process may have, and none below 3. */
#ifndef RV_FDS_H
#define RV_FDS_H

#include <stdint.h>

/*
 * Raise the soft limit of descriptors to `wanted` if it is lower. This does not
 * enlarge the kernel's table of descriptors: see rv_reserve_fds().
 *
 * wanted:  RV_FD_LIMIT_MAX for as many as the hard limit allows.
 * Threads: any.
 * Returns: the soft limit afterwards. It is unchanged, and less than `wanted`,
 *          if the hard limit does not allow that many.
 */
uint64_t rv_fd_limit_raise(uint64_t wanted);

#define RV_FD_LIMIT_MAX UINT64_MAX

/* The lowest descriptor that is not stdin, stdout or stderr. */
enum { RV_FD_FIRST = 3 };

/*
 * Move a new descriptor above stdin, stdout and stderr. If a program is started
 * with one of them closed, the next open gets its number, and a printf() would
 * write into that file or socket. So the library passes every new descriptor
 * through here before it uses or registers it.
 *
 * fd:      the return value of the system call: a descriptor, or -1 with errno
 *          set. It must be close-on-exec, and so is its copy.
 * Threads: any.   Owns: fd becomes the callee's; it is closed on error.
 * Returns: a descriptor, at least RV_FD_FIRST; negative errno.
 */
int rv_fd_above_stdio(int fd);

/* The same for both ends of a pipe. result: the return value of pipe2().
 * Returns: 0; negative errno: both ends are closed. */
int rv_fds_above_stdio(int fds[2], int result);

#endif /* RV_FDS_H */
