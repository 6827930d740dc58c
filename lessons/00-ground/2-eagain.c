/* SPDX-License-Identifier: MIT */
/* 2. EAGAIN */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void look(int fd)
{
    char text[16];
    const ssize_t n = read(fd, text, sizeof(text));

    printf("read: %zd%s\n", n, n < 0 && errno == EAGAIN ? ", EAGAIN" : "");
}

int main(void)
{
    int ends[2]; /* in at 1, out at 0 | entre en 1, sort en 0 */

    if (pipe2(ends, O_NONBLOCK) < 0)
        return 1;
    look(ends[0]);
    if (write(ends[1], "hello", 5) != 5)
        return 1;
    look(ends[0]);
    close(ends[1]);
    look(ends[0]);
    return 0;
}
