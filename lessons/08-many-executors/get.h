/* SPDX-License-Identifier: MIT */
/*
 * get.h - what lesson 08 uses and is not about: one GET as a future of the
 * library, work for the processor, and two options of the command line.
 *
 *     get_init(&self->get, port, path);
 *     RV_AWAIT(future, cx, &self->get.future);
 *     ... self->get.request.text is the response
 *
 * A GET asks the reactor of the thread that polls it, rv_reactor_current().
 *
 * Threads: the executor that polls the GET. Options: main.
 */
#ifndef GET_H
#define GET_H

/* --- Get: one GET, with the reactor of this thread --------------------- */

struct get {
    struct rv_future future;
    struct lesson_request request;
    struct rv_source *source; /* its socket, registered */
};

/* Read until the end, or until EAGAIN. Returns: 0, -EAGAIN, another error. */
static int read_all(struct get *self, struct rv_cx *cx)
{
    uint32_t tick;
    ssize_t n;

    if (!rv_source_ready(self->source, RV_READ, &cx->waker, &tick))
        return -EAGAIN; /* the reactor has our waker */
    do
        n = lesson_read(&self->request);
    while (n > 0);
    if (n == -EAGAIN && rv_source_clear(self->source, RV_READ, tick) == 0)
        return read_all(self, cx);
    return (int)n;
}

static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct get *self = RV_CONTAINER_OF(future, struct get, future);
    struct rv_reactor *reactor = rv_reactor_current();
    int error;

    /*@probe probe_expect(reactor, "NO REACTOR", "get", 0, 0, 0); */
    lesson_expect(reactor != NULL, "Called outside a runtime context");
    if (!self->source) {
        error = lesson_write_request(&self->request);
        if (error)
            RV_RETURN(future, error);
        error = rv_source_open(reactor, self->request.stream, &self->source);
        lesson_expect(error == 0, "cannot register");
    }
    error = read_all(self, cx);
    if (error == -EAGAIN)
        return RV_PENDING;
    RV_RETURN(future, error);
}

static void get_drop(struct rv_future *future)
{
    struct get *self = RV_CONTAINER_OF(future, struct get, future);

    rv_source_close(self->source);
    if (self->request.stream >= 0)
        close(self->request.stream);
    free(self->request.text);
    self->source = NULL;
    self->request = (struct lesson_request){.stream = -1};
}

static inline void get_init(struct get *self, int port, const char *path)
{
    static const struct rv_future_ops ops = {
        .name = "get", .poll = get_poll, .drop = get_drop};

    rv_future_init(&self->future, &ops);
    self->request =
        (struct lesson_request){.port = port, .path = path, .stream = -1};
}

/* --- Work: keep this thread's processor busy --------------------------- */

static inline int64_t cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static inline void work(int64_t ns)
{
    const int64_t end_ns = cpu_ns() + ns;

    while (ns > 0 && cpu_ns() < end_ns)
        ;
}

/* --- Options ----------------------------------------------------------- */

/* Take "--name N" out of the command line. Returns: N, or `otherwise`. */
static inline long take_option(int *argc, char **argv, const char *name,
                               long low, long high, long otherwise)
{
    long number = otherwise;

    for (int i = 1; i + 1 < *argc; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        if (!lesson_number(argv[i + 1], low, high, &number))
            exit(2);
        *argc -= 2;
        memmove(argv + i, argv + i + 2, (size_t)(*argc - i) * sizeof(*argv));
    }
    return number;
}

#endif /* GET_H */
