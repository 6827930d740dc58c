/* SPDX-License-Identifier: MIT */
/*
 * injector.h - the queue through which main hands tasks to the workers.
 *
 * main is no worker, so no deque is its own, and only the owner may push into a
 * deque. A mutex is good enough here: one task a run comes this way.
 *
 * Threads: any.
 */
#ifndef INJECTOR_H
#define INJECTOR_H

enum { MOST_INJECTED = 64 };

static struct {
    pthread_mutex_t lock;
    struct task *tasks[MOST_INJECTED];
    int count;
} injector = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void injector_put(struct task *task)
{
    pthread_mutex_lock(&injector.lock);
    lesson_expect(injector.count < MOST_INJECTED, "injector full");
    injector.tasks[injector.count++] = task;
    pthread_mutex_unlock(&injector.lock);
}

/* Returns: NULL if there is none. */
static inline struct task *injector_take(void)
{
    struct task *task = NULL;

    pthread_mutex_lock(&injector.lock);
    if (injector.count > 0)
        task = injector.tasks[--injector.count];
    pthread_mutex_unlock(&injector.lock);
    return task;
}

static inline bool injector_has_task(void)
{
    bool found;

    pthread_mutex_lock(&injector.lock);
    found = injector.count > 0;
    pthread_mutex_unlock(&injector.lock);
    return found;
}

#endif /* INJECTOR_H */
