/* SPDX-License-Identifier: MIT */
/* How much memory N sleeping threads reserve, and how much they use. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *sleep_for_ever(void *unused)
{
    pause();
    return unused;
}

static long memory_mb(const char *name)
{
    char line[128];
    long kb = 0;
    FILE *status = fopen("/proc/self/status", "r");

    while (status && fgets(line, sizeof(line), status))
        if (!strncmp(line, name, strlen(name)))
            kb = strtol(line + strlen(name), NULL, 10);
    if (status)
        fclose(status);
    return kb / 1024;
}

int main(int argc, char **argv)
{
    const int wanted = argc > 1 ? atoi(argv[1]) : 10000;
    int started = 0;
    pthread_t thread;

    while (started < wanted &&
           pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0)
        started++;
    printf("threads           %6d\n", started);
    printf("reserved (VmSize) %6ld MB\n", memory_mb("VmSize:"));
    printf("used (VmRSS)      %6ld MB\n", memory_mb("VmRSS:"));
    return 0;
}
