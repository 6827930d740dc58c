/* SPDX-License-Identifier: MIT */
/*
 * recorder.c - loaded into a program by `reveil timeline` (LD_PRELOAD): starts
 * the library's trace before main(), and writes its events to a file.
 *
 * The program may have the library linked in statically or as a shared object;
 * nothing of the program has to be built for it. A thread writes what is new
 * twenty times a second, so that a program that is killed has left its events
 * up to then; at the end of the program the rest is written.
 *
 * Threads: the recorder's own, and that of exit(), which joins it first.
 */
#include <fcntl.h>
#include <pthread.h>
#include <reveil/trace.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/timeline/recording_file.h"
#include "cli/timeline/symbols.h"

enum { PERIOD_MS = 50, THREADS = 256, NAME_BYTES = 32, BUFFER_BYTES = 65536 };

/* The functions of the program's library. */
static struct {
    int (*start)(enum rv_trace_level level);
    int (*read)(uint64_t *number, struct rv_event *out);
    void (*thread_name)(uint32_t thread, char name[NAME_BYTES]); /* or NULL */
    void (*mute_thread)(bool mute);                              /* or NULL */
} library;

static struct {
    int file;
    pthread_t thread;
    bool has_thread;
    pid_t pid; /* a child of the program has not recorded anything */
    atomic_bool ending;
    uint64_t next;  /* number of the next event */
    uint64_t taken; /* how many were read */
    char names[THREADS][NAME_BYTES];
    char buffer[BUFFER_BYTES];
    size_t used;
} recorder = {.file = -1};

/* --- writing ----------------------------------------------------------- */

static void flush(void)
{
    size_t done = 0;

    while (done < recorder.used) {
        const ssize_t n =
            write(recorder.file, recorder.buffer + done, recorder.used - done);

        if (n <= 0)
            break; /* a full disk: what is there is shown */
        done += (size_t)n;
    }
    recorder.used = 0;
}

static void put(const void *bytes, size_t count)
{
    if (recorder.used + count > sizeof recorder.buffer)
        flush();
    memcpy(recorder.buffer + recorder.used, bytes, count);
    recorder.used += count;
}

static void put_record(enum timeline_record kind, const void *first,
                       size_t first_bytes, const char *text)
{
    const size_t text_bytes = text ? strnlen(text, 1000) : 0;
    const struct timeline_head head = {
        (uint32_t)kind, (uint32_t)(first_bytes + (text ? text_bytes + 1 : 0))};

    put(&head, sizeof head);
    if (first_bytes > 0)
        put(first, first_bytes);
    if (text) {
        put(text, text_bytes);
        put("", 1);
    }
}

static void put_thread(uint32_t thread)
{
    char name[NAME_BYTES] = "";

    if (!library.thread_name || thread < 1 || thread > THREADS)
        return;
    library.thread_name(thread, name);
    if (strcmp(name, recorder.names[thread - 1]) == 0)
        return;
    memcpy(recorder.names[thread - 1], name, sizeof name);
    put_record(TIMELINE_THREAD, &thread, sizeof thread, name);
}

static void put_new_events(void)
{
    struct rv_event event;

    while (library.read(&recorder.next, &event) == 1) {
        recorder.taken++;
        if (event.kind == RV_EV_NOTE && event.id != 0)
            put_record(TIMELINE_NOTE, &event.id, sizeof event.id,
                       (const char *)(uintptr_t)event.id);
        put_record(TIMELINE_EVENT, &event, sizeof event, NULL);
        put_thread(event.thread);
    }
    flush();
}

/* --- the thread -------------------------------------------------------- */

static void *record(void *unused)
{
    const struct timespec period = {.tv_nsec = PERIOD_MS * 1000000L};

    (void)unused;
    if (library.mute_thread)
        library.mute_thread(true);
    while (!atomic_load(&recorder.ending)) {
        put_new_events();
        nanosleep(&period, NULL);
    }
    return NULL;
}

/* No signal of the program is for the recorder's thread. */
static void start_thread(void)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    recorder.has_thread =
        pthread_create(&recorder.thread, NULL, record, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A pointer to an object and one to a function are the same to dlsym(3). */
#define FIND(member, name) *(void **)&library.member = symbols_find(name)

static bool find_library(void)
{
    FIND(start, "rv_trace_start");
    FIND(read, "rv_trace_read");
    FIND(thread_name, "rv_trace_thread_name");
    FIND(mute_thread, "rv_trace_mute_thread");
    return library.start && library.read;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv(TIMELINE_VARIABLE);
    int file;

    if (!path)
        return;
    file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    unsetenv(TIMELINE_VARIABLE); /* not for the program's own children */
    if (file < 0)
        return;
    /* Out of the way of the descriptors that the program counts on. */
    recorder.file = fcntl(file, F_DUPFD_CLOEXEC, 200);
    close(file);
    recorder.pid = getpid();
    if (!find_library() || library.start(RV_TRACE_EVENTS) < 0) {
        put_record(TIMELINE_MISSING, NULL, 0, NULL);
        flush();
        return;
    }
    put_record(TIMELINE_STARTED, NULL, 0, NULL);
    flush();
    start_thread();
}

__attribute__((destructor)) static void end(void)
{
    uint64_t lost;

    if (recorder.file < 0 || !recorder.has_thread || recorder.pid != getpid())
        return;
    atomic_store(&recorder.ending, true);
    pthread_join(recorder.thread, NULL);
    put_new_events();
    lost = recorder.next - recorder.taken;
    if (lost > 0)
        put_record(TIMELINE_LOST, &lost, sizeof lost, NULL);
    flush();
    close(recorder.file);
}
