/* SPDX-License-Identifier: MIT */
/* 1. A descriptor | Un descripteur */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    const int a = open("/dev/null", O_WRONLY);
    const int b = dup(a);
    const int before = a;

    close(a);
    const int c = open("/dev/null", O_WRONLY);
    printf("a was %d, b is %d, c is %d\n", before, b, c);
    printf("write to b: %zd\n", write(b, "hello", 5));
    printf("write to %d: %zd\n", 1000, write(1000, "hello", 5));
    return 0;
}
