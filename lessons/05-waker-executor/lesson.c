/* SPDX-License-Identifier: MIT */
/*
 * Lesson 05, waker-executor - how does a task get back in line?
 *
 * New here: the executor, which knows tasks and no sockets. A task that has to
 * wait gives its waker to another thread, which later calls wake(). That puts
 * the task's id into the ready queue and unparks the executor's thread.
 *
 *     main (executor)                       bell (another thread)
 *     pop_ready, poll -> NOT_READY  ------> keeps (socket, waker)
 *     queue empty: park() ...zzz...         data has come:
 *     pop_ready, poll -> READY      <------ wake(): push the id, unpark()
 *
 * Here that thread is a simple bell; lesson 06 replaces it with the reactor.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and all futures; the bell only wakes.
 */
#include "../lesson.h"

#include <poll.h>

/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };

struct waker;

/* Lazy: it starts at its first poll. It must not be polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self, const struct waker *waker);
};

/* --- Waker: which thread, which task, which ready queue ---------------- */

enum { MAX_TASKS = 16 };

struct thread {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool permit; /* left by unpark(), used up by the next park() */
};

/*
 * The course pushes and pops at the same end of a Vec, so the task woken last
 * runs first, the one that waits longest may starve, and a task woken twice is
 * queued twice. This queue is first in, first out, and holds each id once.
 */
struct ready_queue {
    pthread_mutex_t lock;
    size_t ids[MAX_TASKS]; /* each id at most once: there is always room */
    size_t count;
};

/*
 * May be copied. It has the task's id and no pointer to the task, so a wake
 * after the task has finished is harmless.
 */
struct waker {
    struct thread *thread;
    size_t id;
    struct ready_queue *ready_queue;
};

/*
 * Sleep until there is a permit, and use it up. If unpark() was called first,
 * its permit is there already and the thread does not sleep. Without a permit,
 * a wake between the executor's last pop_ready() and this call would be lost,
 * and the thread would sleep forever.
 */
static void park(struct thread *self)
{
    pthread_mutex_lock(&self->lock);
    if (!self->permit)
        figures.parks++;
    while (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->permit = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct thread *self)
{
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}

static void push_ready(struct ready_queue *self, size_t id)
{
    size_t i = 0;

    pthread_mutex_lock(&self->lock);
    while (i < self->count && self->ids[i] != id)
        i++;
    if (i == self->count) {
        self->ids[self->count++] = id;
        figures.wakes++;
    }
    pthread_mutex_unlock(&self->lock);
}

/*
 * Threads: any. The order is push, then unpark: the executor's thread looks
 * for the id as soon as it runs again.
 */
static void wake(const struct waker *self)
{
    push_ready(self->ready_queue, self->id);
    unpark(self->thread);
}

/* --- Executor: owns the tasks, polls those in the ready queue ---------- */

/*
 * One per thread. Its wakers point into it: a thread that holds one must be
 * joined before this thread ends.
 */
static _Thread_local struct {
    struct future *tasks[MAX_TASKS]; /* by id; an id is never reused */
    struct ready_queue ready_queue;
    size_t next_id;
    struct thread thread;
} current_executor = {
    .ready_queue.lock = PTHREAD_MUTEX_INITIALIZER,
    .thread = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false},
};

/* The id leaves the queue before the poll: a wake during it queues it again. */
static bool pop_ready(size_t *id)
{
    struct ready_queue *queue = &current_executor.ready_queue;
    bool found;

    pthread_mutex_lock(&queue->lock);
    found = queue->count > 0;
    if (found) {
        *id = queue->ids[0];
        queue->count--;
        memmove(queue->ids, queue->ids + 1, queue->count * sizeof(*id));
    }
    pthread_mutex_unlock(&queue->lock);
    return found;
}

/* Take the task out of `tasks`. Returns: NULL if it has finished. */
static struct future *get_future(size_t id)
{
    struct future *task = current_executor.tasks[id];

    current_executor.tasks[id] = NULL;
    return task;
}

static struct waker get_waker(size_t id)
{
    return (struct waker){&current_executor.thread, id,
                          &current_executor.ready_queue};
}

static void insert_task(size_t id, struct future *task)
{
    current_executor.tasks[id] = task;
}

static size_t task_count(void)
{
    size_t count = 0;

    for (size_t id = 0; id < MAX_TASKS; id++)
        count += current_executor.tasks[id] != NULL;
    return count;
}

/*
 * The caller keeps ownership of the future, which must stay valid and unmoved
 * until it is READY.
 */
static void spawn(struct future *future)
{
    const size_t id = current_executor.next_id++;

    lesson_expect(id < MAX_TASKS, "too many tasks");
    insert_task(id, future);
    push_ready(&current_executor.ready_queue, id);
}

static void block_on(struct future *future)
{
    size_t id;

    spawn(future);
    for (;;) {
        while (pop_ready(&id)) {
            struct future *task = get_future(id);
            const struct waker waker = get_waker(id);

            if (!task)
                continue; /* woken after READY: late, and harmless */
            figures.polls++;
            if (task->poll(task, &waker) == NOT_READY)
                insert_task(id, task);
        }
        if (task_count() == 0)
            break;
        lesson_logf("%zu pending tasks. Sleep until notified.", task_count());
        park(&current_executor.thread);
    }
    lesson_log("All tasks finished");
}

/* --- Bell: a thread that wakes a task when its socket is readable ------ */

enum { MAX_RINGS = 16 };

struct ring {
    struct pollfd socket;
    struct waker waker;
};

/* The bell reads rings from the pipe, and ends when the pipe is closed. */
static struct {
    int pipe[2];
    pthread_t thread;
} bell;

/* Wake once, when `stream` is readable. A write of PIPE_BUF or less is atomic.
 */
static void bell_hand_over(int stream, const struct waker *waker)
{
    const struct ring ring = {{.fd = stream, .events = POLLIN}, *waker};

    lesson_unwrap((int)write(bell.pipe[1], &ring, sizeof(ring)), "write");
}

static void *bell_loop(void *unused)
{
    struct pollfd fds[MAX_RINGS] = {{.fd = bell.pipe[0], .events = POLLIN}};
    struct waker wakers[MAX_RINGS];
    nfds_t count = 1; /* the pipe, then the sockets */

    (void)unused;
    lesson_name_thread("bell");
    for (;;) {
        struct ring ring;

        figures.epoll_waits++;
        if (poll(fds, count, -1) < 0)
            continue; /* EINTR: revents is not set */
        for (nfds_t i = count - 1; i > 0; i--) {
            if (!fds[i].revents)
                continue;
            lesson_logf("Ring - wake task %zu", wakers[i].id);
            wake(&wakers[i]);
            fds[i] = fds[--count]; /* a ring is used once: fill the gap */
            wakers[i] = wakers[count];
        }
        if (!fds[0].revents)
            continue;
        if (read(fds[0].fd, &ring, sizeof(ring)) == 0)
            return NULL;
        lesson_expect(count < MAX_RINGS, "too many sockets for the bell");
        fds[count] = ring.socket;
        wakers[count++] = ring.waker;
    }
}

static void bell_start(void)
{
    lesson_unwrap(pipe2(bell.pipe, O_CLOEXEC), "pipe");
    lesson_spawn_thread(&bell.thread, bell_loop, NULL);
}

static void bell_stop(void)
{
    close(bell.pipe[1]);
    pthread_join(bell.thread, NULL);
    close(bell.pipe[0]);
}

/* --- HttpGetFuture: one GET -------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request;
};

static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0)
            return READY;
    }
    do {
        n = lesson_read(request);
        if (n == -EAGAIN) {
            lesson_log("Data not ready");
            bell_hand_over(request->stream, waker);
            return NOT_READY;
        }
    } while (n > 0);
    /* 0 bytes: the server has closed the connection; the response is whole. */
    close(request->stream);
    return READY;
}

static struct http_get_future http_get(int port, const char *path)
{
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
    };
}

/* --- async_main: two GETs, one after the other ------------------------- */

/* A state machine: `state` is the await it is at, `get` what it awaits. */
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get;
};

static enum poll_state async_main_poll(struct future *future,
                                       const struct waker *waker)
{
    struct async_main *self = (struct async_main *)future;
    struct future *get = &self->get.future;

    switch (self->state) {
    case START:
        lesson_log("Program starting");
        self->get = http_get(self->port, "/600/HelloAsyncAwait");
        self->state = WAIT_1;
        __attribute__((fallthrough));
    case WAIT_1:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        if (!lesson_print(&self->get.request))
            return READY;
        self->get = http_get(self->port, "/400/HelloAsyncAwait");
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        lesson_print(&self->get.request);
    }
    return READY;
}

static struct async_main async_main(int port)
{
    return (struct async_main){.future.poll = async_main_poll, .port = port};
}

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    const int port = lesson_start(
        argc, argv,
        "Lesson 05, stage executor: two GETs, an executor and a bell.", NULL);
    struct async_main root = async_main(port);

    bell_start();
    block_on(&root.future);
    bell_stop();
    return lesson_end();
}
