/* SPDX-License-Identifier: MIT */
/*
 * late.c - a busy machine without the load: threads are late at random.
 *
 * Loaded before the libraries of a program (LD_PRELOAD), it lets a thread sleep
 * now and then after it has read the clock, before it locks a mutex, and after
 * epoll_wait(). See tests/tools/late, which compiles and runs it.
 *
 * Threads: any. It must not allocate, and does not change errno.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time);
int pthread_mutex_lock(pthread_mutex_t *mutex);
int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms);

static _Atomic uint64_t state;
static uint64_t one_in; /* 0: before begin() */
static uint64_t most_ms = 1;

__attribute__((constructor)) static void begin(void)
{
    const char *seed = getenv("LATE_SEED");
    const char *rate = getenv("LATE_ONE_IN");
    const char *time = getenv("LATE_MS");

    /* Each process of a run has numbers of its own. */
    state = (uint64_t)getpid();
    if (seed)
        state += strtoull(seed, NULL, 10) * 1000003u;
    most_ms = time ? strtoull(time, NULL, 10) : 30;
    one_in = rate ? strtoull(rate, NULL, 10) : 20;
}

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014). */
static uint64_t next_number(void)
{
    uint64_t x = atomic_fetch_add(&state, 0x9E3779B97F4A7C15u);

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* Once in `one_in` times `rarer` calls: sleep for 1 to `most_ms` ms. */
static void be_late(uint64_t rarer)
{
    const uint64_t number = next_number();
    const int saved = errno;
    struct timespec pause = {0};
    uint64_t ms;

    if (one_in == 0 || most_ms == 0 || number % (one_in * rarer) != 0)
        return;
    ms = (number >> 32) % most_ms + 1;
    pause.tv_sec = (time_t)(ms / 1000);
    pause.tv_nsec = (long)(ms % 1000 * 1000000);
    /* The system call itself: the C library's function is a cancellation
     * point, and may be replaced too. */
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
    errno = saved;
}

/* The function that the program would have called. */
#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (!real)                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result;

    REAL(clock_gettime);
    result = real(clock, time);
    if (clock == CLOCK_MONOTONIC)
        be_late(1);
    return result;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    REAL(pthread_mutex_lock);
    be_late(8);
    return real(mutex);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    int result;

    REAL(epoll_wait);
    result = real(epoll, events, most, timeout_ms);
    be_late(3);
    return result;
}
