/* SPDX-License-Identifier: MIT */
/* fds.h - how many descriptors the process may have, and none below 3. */
#ifndef RV_FDS_H
#define RV_FDS_H

#include <stdint.h>

/*
 * Raise the soft limit of descriptors to `wanted` if it is lower. The table of
 * descriptors does not grow: see rv_reserve_fds().
 *
 * wanted:  RV_FD_LIMIT_MAX for as many as the hard limit allows.
 * Threads: any.
 * Returns: the soft limit now. It is unchanged, and less than `wanted`, when
 *          the hard limit does not allow that many.
 */
uint64_t rv_fd_limit_raise(uint64_t wanted);

#define RV_FD_LIMIT_MAX UINT64_MAX

/* The lowest descriptor that is not stdin, stdout or stderr. */
enum { RV_FD_FIRST = 3 };

/*
 * Move a new descriptor above stdin, stdout and stderr. A program that was
 * started with one of them closed gets its number for whatever is opened next,
 * and a printf() would go into that. So every descriptor that the library makes
 * passes through here, before it is used or registered anywhere.
 *
 * fd:      what the system call returned: -1 and errno, or a descriptor. It
 *          must be close-on-exec, and so is its copy.
 * Threads: any.   Owns: fd becomes the callee's; it is closed on error.
 * Returns: a descriptor of RV_FD_FIRST at least, negative errno.
 */
int rv_fd_above_stdio(int fd);

/* The same with both ends of a pipe, and what pipe2() returned. Returns: 0,
 * negative errno; then both are closed. */
int rv_fds_above_stdio(int fds[2], int result);

#endif /* RV_FDS_H */
