/* SPDX-License-Identifier: MIT */
/*
 * fds.c - reserve descriptors, raise their limit, and use none below 3.
 *
 * The kernel keeps a table of descriptors for each process and doubles it when
 * it is full. Threads read the table without a lock. So in a process with
 * several threads the kernel must wait until no thread uses the old table:
 * expand_fdtable() in Linux's fs/file.c calls synchronize_rcu(), which takes
 * some 10 ms. On the way to 10,000 descriptors that happens eight times.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/base.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "base/fds.h"

int rv_fd_above_stdio(int fd)
{
    int high;

    if (fd < 0)
        return -errno;
    if (fd >= RV_FD_FIRST)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);
    if (high < 0) /* EINVAL: the limit of descriptors is below RV_FD_FIRST */
        high = errno == EINVAL ? -EMFILE : -errno;
    close(fd);
    return high;
}

int rv_fds_above_stdio(int fds[2], int result)
{
    if (result < 0)
        return -errno;
    fds[0] = rv_fd_above_stdio(fds[0]);
    fds[1] = rv_fd_above_stdio(fds[1]);
    if (fds[0] >= 0 && fds[1] >= 0)
        return 0;
    result = fds[0] < 0 ? fds[0] : fds[1];
    if (fds[0] >= 0)
        close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    return result;
}

uint64_t rv_fd_limit_raise(uint64_t wanted)
{
    struct rlimit limit;
    struct rlimit raised;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0; /* a sandbox */
    raised = limit;
    raised.rlim_cur = wanted == RV_FD_LIMIT_MAX ? limit.rlim_max : wanted;
    /* Errors keep the old limit. EINVAL: above the hard limit. EPERM:
     * fs.nr_open was lowered after the hard limit was set. */
    if (raised.rlim_cur > limit.rlim_cur &&
        setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    return limit.rlim_cur;
}

/* Open and close descriptor count - 1: the table grows for it, and never
 * shrinks. */
static int grow_table(uint32_t count)
{
    const int fd = rv_fd_above_stdio(eventfd(0, EFD_CLOEXEC));
    int high;
    int error;

    if (fd < 0)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, (int)count - 1);
    error = high < 0 ? -errno : 0;
    if (high >= 0)
        close(high);
    close(fd);
    return error;
}

int rv_reserve_fds(uint32_t count)
{
    if (count == 0)
        return 0;
    if (count > INT32_MAX || rv_fd_limit_raise(count) < count)
        return -EMFILE;
    if (fcntl((int)count - 1, F_GETFD) >= 0)
        return 0; /* it is open, so the table is large enough */
    return grow_table(count);
}
