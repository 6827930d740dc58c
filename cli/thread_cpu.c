/* SPDX-License-Identifier: MIT */
/* thread_cpu.c - the CPU time of some threads of this process. */
#include "cli/thread_cpu.h"

#include <dirent.h>
#include <reveil/base.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void thread_cpu_others(struct thread_cpu *threads)
{
    DIR *directory = opendir("/proc/self/task");
    const struct dirent *entry;

    threads->count = 0;
    if (!directory)
        return;
    while ((entry = readdir(directory)) && threads->count < THREAD_CPU_MAX) {
        const int id = atoi(entry->d_name); /* 0 for "." and ".." */

        if (id > 0 && id != gettid())
            threads->ids[threads->count++] = id;
    }
    closedir(directory);
}

/*
 * The clock that pthread_getcpuclockid() returns. That needs a pthread_t, which
 * the reactor does not expose. The kernel encodes such a clock as ~id << 3,
 * with 4 for "of a thread" and 2 for "CPU time".
 */
static clockid_t cpu_clock_of(int id)
{
    return (clockid_t)((~(unsigned)id << 3) | 4u | 2u);
}

int64_t thread_cpu_ns(const struct thread_cpu *threads)
{
    int64_t sum_ns = 0;

    for (int i = 0; i < threads->count; i++) {
        struct timespec time;

        if (clock_gettime(cpu_clock_of(threads->ids[i]), &time) == 0)
            sum_ns += time.tv_sec * RV_NS_PER_S + time.tv_nsec;
    }
    return sum_ns;
}
