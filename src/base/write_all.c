/* SPDX-License-Identifier: MIT */
/*
 * write_all.c - write a whole buffer to a descriptor of any kind.
 *
 * Threads: any.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "base/write_all.h"

int rv_write_all(int fd, const void *data, size_t len_bytes,
                 uint64_t *written_bytes)
{
    const char *at = data;
    uint32_t tries = 0;

    while (len_bytes > 0) {
        const ssize_t n = write(fd, at, len_bytes);

        if (n > 0) {
            at += n;
            len_bytes -= (size_t)n;
            if (written_bytes)
                *written_bytes += (uint64_t)n;
        } else if (n == 0) {
            return -ENOSPC; /* or a device that accepts nothing would make
                               this loop endless */
        } else if (errno == EAGAIN) {
            /* Another process may have made a shared stdout non-blocking. */
            struct pollfd room = {.fd = fd, .events = POLLOUT};

            if (poll(&room, 1, -1) < 0 && !rv_interrupted(&tries))
                return -errno;
        } else if (!rv_interrupted(&tries)) {
            return -errno;
        }
    }
    return 0;
}
