/* SPDX-License-Identifier: MIT */
/* thread_cpu.h - the CPU time of some threads of this process. */
#ifndef RV_CLI_THREAD_CPU_H
#define RV_CLI_THREAD_CPU_H

#include <stdint.h>

enum { THREAD_CPU_MAX = 8 };

struct thread_cpu {
    int ids[THREAD_CPU_MAX]; /* in the kernel */
    int count;
};

/* Those that run now beside the caller, as many as fit. */
void thread_cpu_others(struct thread_cpu *threads);

/* What they took since they were started; nothing for those that ended. */
int64_t thread_cpu_ns(const struct thread_cpu *threads);

#endif /* RV_CLI_THREAD_CPU_H */
