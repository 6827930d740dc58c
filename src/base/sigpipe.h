/* SPDX-License-Identifier: MIT */
/* sigpipe.h - write to a pipe without SIGPIPE, which has no MSG_NOSIGNAL. */
#ifndef RV_SIGPIPE_H
#define RV_SIGPIPE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Whether the process ignores SIGPIPE now. Then plain writes are enough, and
 * cost two system calls less. Threads: any. */
bool rv_sigpipe_is_ignored(void);

/*
 * As writev(2), but the SIGPIPE of a pipe without a reader is not delivered. If
 * the calling thread blocks the signal, it is left pending.
 *
 * Threads: any.   Returns: as writev(2), with errno.
 */
ssize_t rv_writev_without_sigpipe(int fd, const struct iovec *pieces,
                                  int count);

#endif /* RV_SIGPIPE_H */
