/* SPDX-License-Identifier: MIT */
/* thread_cpu.h - the CPU time of some threads of this process. */
#ifndef RV_CLI_THREAD_CPU_H
#define RV_CLI_THREAD_CPU_H

#include <stdint.h>

enum { THREAD_CPU_MAX = 8 };

struct thread_cpu {
    int ids[THREAD_CPU_MAX]; /* kernel thread ids */
    int count;
};

/* Collect the other threads of the process, at most THREAD_CPU_MAX. */
void thread_cpu_others(struct thread_cpu *threads);

/* Returns: their CPU time since they started; 0 for one that has ended. */
int64_t thread_cpu_ns(const struct thread_cpu *threads);

#endif /* RV_CLI_THREAD_CPU_H */
