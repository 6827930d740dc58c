/* SPDX-License-Identifier: MIT */
/*
 * Lesson 04, hundred - must I poll everything again after an event?
 *
 * New here: many futures at once, and a token that says whose event it is.
 * join_all() is a future with a hundred children; it is READY when all of them
 * are. After an event it polls the one child that the event is for.
 *
 *     join_all:  poll child 0, 1, 2 ... 99      each sends its request
 *                epoll_wait ...zzz...           token 17: bytes for child 17
 *                poll child 17                  and no other one
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: one.
 */
#include "../lesson.h"

#include <sys/epoll.h>

/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };

/* Lazy: it starts at its first poll. It must not be polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self);
    int error; /* once READY: 0, or a negative errno */
};

/* Poll a child, and count it. */
static enum poll_state poll_child(struct future *child)
{
    figures.polls++;
    return child->poll(child);
}

/* --- join_all: a future that waits for many ---------------------------- */

enum { MAX_CHILDREN = 512 };

/*@todo 4.1 join_all_poll
en: Poll each child that is due and not READY yet, with poll_child(). Then it is
en: not due until its next event. READY when all children are; `error` is that
en: of a child that has failed, if there is one.
fr: Sondez, avec poll_child(), chaque enfant à sonder (`due`) qui n'est pas
fr: encore READY. Il n'est alors plus à sonder, jusqu'à son prochain évènement.
fr: READY quand tous le sont ; `error` est l'erreur d'un enfant qui a échoué,
fr: s'il y en a un.
stub:
struct join_all {
    struct future future; /+ first member: a pointer to it can be cast +/
    size_t count;
    struct future *children[MAX_CHILDREN];
    bool due[MAX_CHILDREN]; /+ to be polled: at first all of them are +/
    bool ready[MAX_CHILDREN];
};

static enum poll_state join_all_poll(struct future *future)
{
    (void)future;
    (void)poll_child;
    return READY;
}

static void join_all_init(struct join_all *self)
{
    *self = (struct join_all){.future.poll = join_all_poll};
}

static size_t join_all_add(struct join_all *self, struct future *child)
{
    self->children[self->count] = child;
    self->due[self->count] = true;
    return self->count++;
}
*/
struct join_all {
    struct future future; /* first member: a pointer to it can be cast */
    size_t count;
    struct future *children[MAX_CHILDREN];
    bool due[MAX_CHILDREN]; /* to be polled: at first all of them are */
    bool ready[MAX_CHILDREN];
};

static enum poll_state join_all_poll(struct future *future)
{
    struct join_all *self = (struct join_all *)future;
    size_t ready = 0;

    for (size_t i = 0; i < self->count; i++) {
        if (self->due[i] && !self->ready[i]) {
            self->due[i] = false;
            self->ready[i] = poll_child(self->children[i]) == READY;
            if (self->ready[i] && self->children[i]->error)
                future->error = self->children[i]->error;
        }
        ready += self->ready[i];
    }
    return ready == self->count ? READY : NOT_READY;
}

static void join_all_init(struct join_all *self)
{
    *self = (struct join_all){.future.poll = join_all_poll};
}

static size_t join_all_add(struct join_all *self, struct future *child)
{
    self->children[self->count] = child;
    self->due[self->count] = true;
    return self->count++;
}
/*@end 4.1*/

/*@todo 4.2 token_of and mark_owner | token_of et mark_owner
en: Now an event makes all children due. Let it be one: token_of() says which
en: token a child's socket is registered with, and mark_owner() finds the child
en: again by the token that came with the event.
fr: Ici un évènement fait sonder tous les enfants. Qu'il n'y en ait qu'un :
fr: token_of() dit avec quel token s'abonne la socket d'un enfant, mark_owner()
fr: retrouve l'enfant par le token venu avec l'évènement.
stub:
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    (void)child;
    (void)stream;
    return 0;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    (void)token;
    for (size_t i = 0; i < self->count; i++)
        self->due[i] = true;
}
*/
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    (void)stream;
    return child;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    self->due[token] = true;
}
/*@end 4.2*/

/* --- Event queue and registry: epoll, as in lesson 03 ------------------ */

enum { EVENTS_CAPACITY = 100 };

struct event_queue {
    int epoll;
};

/* Set while there is a runtime; futures find it here. */
static struct event_queue current_queue = {-1};

static void registry_register(int stream, uint64_t token)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP,
        .data.u64 = token,
    };

    lesson_expect(current_queue.epoll >= 0, "Called outside a runtime context");
    lesson_unwrap(epoll_ctl(current_queue.epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}

static int event_queue_wait(struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(current_queue.epoll, events, EVENTS_CAPACITY, -1);
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}

static void runtime_start(void)
{
    current_queue.epoll =
        lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
}

static void runtime_stop(void)
{
    close(current_queue.epoll);
    current_queue.epoll = -1;
}

/*@probe static int probe_streams[MAX_CHILDREN]; */
/*@probe static uint64_t probe_tokens[MAX_CHILDREN]; */
/*@probe static long probe_of_child[MAX_CHILDREN], probe_before[MAX_CHILDREN]; */
/*@probe static void probe_opened(size_t child, int stream, uint64_t token) */
/*@probe { */
/*@probe     probe_streams[child] = stream; */
/*@probe     probe_tokens[child] = token; */
/*@probe } */
/*@probe static void probe_came(const struct epoll_event *events, int count) */
/*@probe { */
/*@probe     for (size_t i = 0; i < MAX_CHILDREN; i++) { */
/*@probe         probe_before[i] = -1; */
/*@probe         for (int j = 0; probe_streams[i] && j < count; j++) */
/*@probe             if (events[j].data.u64 == probe_tokens[i]) */
/*@probe                 probe_before[i] = probe_of_child[i]; */
/*@probe     } */
/*@probe } */
/*@probe static long probe_polls[MAX_CHILDREN], probe_gets, probe_begun, probe_done; */
/*@probe static long probe_in_a_row[MAX_CHILDREN]; */
/*@probe static void probe_look(void) */
/*@probe { */
/*@probe     memset(probe_in_a_row, 0, sizeof(probe_in_a_row)); */
/*@probe     probe_expect(probe_gets == 0 || probe_done < probe_gets, */
/*@probe                  "NEVER READY", "children", probe_gets, 0, 0); */
/*@probe     for (size_t i = 0; i < MAX_CHILDREN; i++) */
/*@probe         probe_expect(probe_before[i] < 0 || probe_of_child[i] > probe_before[i], */
/*@probe                      "WRONG OWNER", "unasked", (long)i, */
/*@probe                      (long)probe_tokens[i], probe_streams[i]); */
/*@probe } */
/* Sleep while no child has an event; then poll again. */
static void block_on(struct join_all *all)
{
    struct epoll_event events[EVENTS_CAPACITY];
    int count = 0;

    /*@probe probe_came(NULL, 0); */
    while (all->future.poll(&all->future) == NOT_READY) {
        /*@probe probe_look(); */
        count = event_queue_wait(events);
        /*@probe probe_came(events, count); */
        for (int i = 0; i < count; i++)
            mark_owner(all, events[i].data.u64);
    }
}

/* --- http_get: one GET, child of a join_all ---------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request;
    struct join_all *all;
    size_t child; /* its number in `all` */
};

static void log_response(const struct http_get_future *self)
{
    const char *body = NULL;

    if (self->request.text)
        body = strstr(self->request.text, "\r\n\r\n");
    lesson_logf("GET %zu: %s", self->child, body ? body + 4 : "no response");
}

static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    uint64_t token;
    ssize_t n;

    /*@probe probe_of_child[self->child]++; */
    if (request->stream < 0) {
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
        token = token_of(self->all, self->child, request->stream);
        registry_register(request->stream, token);
        /*@probe probe_opened(self->child, request->stream, token); */
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN)
        return NOT_READY;
    future->error = (int)n; /* 0: the end of the response; it is whole */
    /*@probe probe_streams[self->child] = 0; */
    close(request->stream); /* also removes it from the event queue */
    log_response(self);
    return READY;
}

/*@probe static bool probe_is_ready[MAX_CHILDREN]; */
/*@probe static enum poll_state probe_get_poll(struct future *future) */
/*@probe { */
/*@probe     const long child = (long)((struct http_get_future *)future)->child; */
/*@probe     enum poll_state state; */
/*@probe     probe_expect(!probe_is_ready[child], "POLLED AFTER READY", "task", child, */
/*@probe                  0, 0); */
/*@probe     probe_begun += probe_polls[child]++ == 0; */
/*@probe     probe_expect(probe_polls[child] == 1 || probe_begun == probe_gets, */
/*@probe                  "SERIALISED", "begun", child, probe_begun, probe_gets); */
/*@probe     probe_event(PROBE_POLL, child, -1, 0); */
/*@probe     if (++probe_in_a_row[child] > 100) */
/*@probe         probe_fail("NEVER YIELDED", "child", child, probe_in_a_row[child], */
/*@probe                    0); */
/*@probe     state = http_get_poll(future); */
/*@probe     probe_event(state == READY ? PROBE_READY : PROBE_PENDING, child, -1, 0); */
/*@probe     probe_is_ready[child] = state == READY; */
/*@probe     probe_done += state == READY; */
/*@probe     return state; */
/*@probe } */
/*@probe #define http_get_poll probe_get_poll */
static void http_get(struct http_get_future *self, int port, const char *path,
                     struct join_all *all)
{
    *self = (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
        .all = all,
    };
    self->child = join_all_add(all, &self->future);
    /*@probe probe_gets++; */
}

/* --- main: a hundred GETs at once -------------------------------------- */

/* Those of the command line; else a hundred that take 0 to 990 ms. */
static size_t make_paths(const char **paths)
{
    static char texts[100][32];
    size_t count = (size_t)lesson_path_count();

    if (lesson_state.path_count > 0) {
        for (size_t i = 0; i < count && i < MAX_CHILDREN; i++)
            paths[i] = lesson_path((int)i);
        return count < MAX_CHILDREN ? count : MAX_CHILDREN;
    }
    for (count = 0; count < 100; count++) {
        snprintf(texts[count], sizeof(texts[count]), "/%zu/Hello-%zu",
                 10 * count, count);
        paths[count] = texts[count];
    }
    return count;
}

int main(int argc, char **argv)
{
    const int port = lesson_start(
        argc, argv,
        "Lesson 04: a hundred GETs at once, on one thread, with epoll.", NULL);
    static const char *paths[MAX_CHILDREN];
    static struct http_get_future gets[MAX_CHILDREN];
    static struct join_all all;
    const size_t count = make_paths(paths);

    join_all_init(&all);
    for (size_t i = 0; i < count; i++)
        http_get(&gets[i], port, paths[i], &all);
    runtime_start();
    block_on(&all);
    /*@probe probe_expect(probe_done == probe_gets, "FORGOT THE OTHERS", */
    /*@probe              "ready", probe_done, probe_gets, 0); */
    runtime_stop();
    for (size_t i = 0; i < count; i++)
        free(gets[i].request.text);
    return lesson_end(all.future.error);
}
