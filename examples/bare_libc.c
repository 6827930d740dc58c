/* SPDX-License-Identifier: MIT */
/* bare_libc.c - what goes wrong when a bare thread calls the C library:
 * bare_libc
 *
 * Done on purpose, in a child process. A bare thread (thread.h) has no
 * thread-local storage of its own: it shares errno with the thread that started
 * it, and a lock that records its owner cannot tell the two apart. Then the
 * same on a pthread, for comparison. */
#include <errno.h>
#include <pthread.h>
#include <reveil/thread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static pthread_mutex_t lock; /* the parent holds it; checks for errors */

struct seen {
    int close_error; /* what close(-1) left in the thread's own errno */
    int lock_error;  /* result of pthread_mutex_lock() or _trylock() */
};

static int try_lock(int (*how)(pthread_mutex_t *mutex))
{
    int error = how(&lock);

    if (!error)
        pthread_mutex_unlock(&lock);
    return error;
}

/* Wrong on purpose: a bare thread must not call libc. */
static void bare_main(void *args)
{
    struct seen *seen = *(struct seen **)args;

    close(-1);
    seen->close_error = errno;
    seen->lock_error = try_lock(pthread_mutex_lock);
}

/* Only tries the lock: locking it would block forever. */
static void *pthread_main(void *args)
{
    struct seen *seen = args;

    close(-1);
    seen->close_error = errno;
    seen->lock_error = try_lock(pthread_mutex_trylock);
    return NULL;
}

static int run_bare(struct seen *seen)
{
    struct rv_thread thread;
    int error =
        rv_thread_start(&thread, bare_main, &seen, sizeof seen, 256 * 1024);

    return error ? error : rv_thread_join(&thread, RV_NEVER);
}

static int run_pthread(struct seen *seen)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, pthread_main, seen);

    return error ? -error : -pthread_join(thread, NULL);
}

static const char *name_of(int error)
{
    const char *name = error ? strerrorname_np(error) : "0";

    return name ? name : "?";
}

/* Returns: 0, negative errno. */
static int show(const char *kind, int (*run)(struct seen *seen))
{
    struct seen seen = {0};
    int errno_here;
    int error;

    errno = 0;
    error = run(&seen);
    errno_here = errno;
    if (error)
        return error;
    printf("%s: close(-1) fails there with %s; errno here becomes %s\n", kind,
           name_of(seen.close_error), name_of(errno_here));
    printf("%s: to lock what this thread holds gives %s\n", kind,
           name_of(seen.lock_error));
    return 0;
}

static int show_both(void)
{
    pthread_mutexattr_t attributes;
    int error;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&lock, &attributes);
    pthread_mutex_lock(&lock);
    error = show("pthread", run_pthread);
    if (!error)
        error = show("bare   ", run_bare);
    if (error)
        printf("no thread: %s\n", strerror(-error));
    fflush(stdout);
    return error ? 1 : 0;
}

static int usage(FILE *where, int status)
{
    fputs("usage: bare_libc [--help]\n", where);
    return status;
}

int main(int argc, char **argv)
{
    int status = 0;
    pid_t child;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 1)
        return usage(stderr, 2);
    child = fork();
    if (child == 0)
        _exit(show_both());
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("bare_libc");
        return 1;
    }
    if (status) {
        fprintf(stderr, "the child ended with status %d\n", status);
        return 1;
    }
    printf("So what runs on a bare thread calls nothing of the C library.\n");
    return 0;
}
