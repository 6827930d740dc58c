/* SPDX-License-Identifier: MIT */
/*
 * new_file.c - a file that gets its final name only when it is complete.
 *
 * Threads: any.
 */
#include "http/client/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <reveil/base.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/base_internal.h"

enum {
    ENDING_BYTES = sizeof ".0123456789abcdef.part" - 1,
    TRIES = 100 /* names are random: so many collisions mean a fault */
};

size_t rv_new_file_room(const char *name)
{
    return strlen(name) + ENDING_BYTES + 1;
}

/* It need not be secret, because O_EXCL refuses a name that exists. But it
 * should differ each time. */
static uint64_t random_number(void)
{
    uint64_t number;

    if (getrandom(&number, sizeof number, GRND_NONBLOCK) == sizeof number)
        return number;
    return (uint64_t)rv_now_ns() << 20 ^ (uint64_t)getpid();
}

/* How many bytes of the name to keep in front of the ending: all, unless the
 * last component of the path would exceed NAME_MAX. */
static size_t kept_len(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    size_t len = strlen(last);

    if (len <= NAME_MAX && len > NAME_MAX - ENDING_BYTES)
        len = NAME_MAX - ENDING_BYTES;
    return (size_t)(last - name) + len;
}

int rv_new_file_open(int dir_fd, const char *name, char *temp)
{
    const size_t len = kept_len(name);
    int fd = -1;

    memcpy(temp, name, len);
    for (int i = 0; fd < 0 && i < TRIES; i++) {
        snprintf(temp + len, ENDING_BYTES + 1, ".%016" PRIx64 ".part",
                 random_number());
        fd =
            openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return -errno;
    fd = rv_fd_above_stdio(fd);
    if (fd < 0)
        unlinkat(dir_fd, temp, 0);
    return fd;
}

int rv_new_file_commit(int dir_fd, const char *temp, const char *name)
{
    return renameat(dir_fd, temp, dir_fd, name) < 0 ? -errno : 0;
}
