/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 04: the learner's join_all over the checker's futures, and
 * tokens of sockets that come and go.
 */

/* --- children of the checker's ----------------------------------------- */

enum { CHILDREN = 8 };

struct child {
    struct future future;
    int needed; /* READY at this poll */
    int polls;
    int result; /* error once READY */
    bool ready;
};

static struct child children[CHILDREN];
static size_t numbers[CHILDREN];
static uint64_t tokens[CHILDREN];
static struct join_all all;

static enum poll_state child_poll(struct future *future)
{
    struct child *self = (struct child *)future;

    probe_expect(!self->ready, "POLLED AFTER READY", "task",
                 (long)(self - children), 0, 0);
    self->polls++;
    self->ready = self->polls >= self->needed;
    if (self->ready)
        future->error = self->result;
    return self->ready ? READY : NOT_READY;
}

static void make(int needed)
{
    join_all_init(&all);
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = (struct child){{child_poll, 0}, needed, 0, 0, false};
        numbers[i] = join_all_add(&all, &children[i].future);
        tokens[i] = token_of(&all, numbers[i], 100 + (int)i);
    }
}

static enum poll_state poll_all(void)
{
    return all.future.poll(&all.future);
}

static int polls_of_all(void)
{
    int polls = 0;

    for (int i = 0; i < CHILDREN; i++)
        polls += children[i].polls;
    return polls;
}

static int ready_of_all(void)
{
    int ready = 0;

    for (int i = 0; i < CHILDREN; i++)
        ready += children[i].ready;
    return ready;
}

/* READY if all are, however many polls an event has made. */
static void expect_state(enum poll_state state)
{
    const int ready = ready_of_all();

    probe_expect(state == NOT_READY || ready == CHILDREN, "FORGOT THE OTHERS",
                 "ready", ready, CHILDREN, 0);
    probe_expect(state == READY || ready < CHILDREN, "NEVER READY", "children",
                 CHILDREN, 0, 0);
}

/* --- the cases --------------------------------------------------------- */

/* The first poll asks each child once; READY is said once all are. */
PROBE_CASE(all)
{
    make(1);
    children[CHILDREN - 1].needed = 2;
    children[3].needed = 2;
    probe_expect(poll_all() == NOT_READY, "FORGOT THE OTHERS", "ready",
                 CHILDREN - 2, CHILDREN, 0);
    probe_expect(polls_of_all() == CHILDREN, "SERIALISED", "begun", 0,
                 polls_of_all(), CHILDREN);
    mark_owner(&all, tokens[CHILDREN - 1]);
    expect_state(poll_all());
    mark_owner(&all, tokens[3]);
    expect_state(poll_all());
}

/* An event of one child is a poll of this child, and of no other one. */
PROBE_CASE(owner)
{
    make(3);
    poll_all();
    for (int round = 2; round <= 3; round++) {
        for (int i = CHILDREN - 1; i >= 0; i--) {
            const int before = polls_of_all();

            mark_owner(&all, tokens[i]);
            poll_all();
            probe_expect(children[i].polls == round, "WRONG OWNER", "event", i,
                         children[i].polls, round);
            probe_expect(polls_of_all() - before < 3, "POLLS EVERYBODY",
                         "event", polls_of_all() - before, CHILDREN, 0);
        }
    }
}

/* No event, no poll: who was polled is due no more. */
PROBE_CASE(quiet)
{
    make(3);
    poll_all();
    poll_all();
    probe_expect(polls_of_all() == CHILDREN, "POLLS EVERYBODY", "again",
                 polls_of_all() - CHILDREN, CHILDREN, 0);
}

/* Two events before one poll, and an event of a child that is READY. */
PROBE_CASE(two)
{
    make(2);
    poll_all();
    mark_owner(&all, tokens[1]);
    mark_owner(&all, tokens[1]);
    mark_owner(&all, tokens[6]);
    poll_all();
    probe_expect(children[1].ready && children[6].ready, "WRONG OWNER", "event",
                 children[1].ready ? 6 : 1, 1, 2);
    mark_owner(&all, tokens[1]); /* late: harmless */
    poll_all();
}

/* A second join_all begins from nothing, whatever the first one has counted. */
PROBE_CASE(apart)
{
    make(1);
    probe_expect(poll_all() == READY, "NEVER READY", "children", CHILDREN, 0,
                 0);
    make(2);
    probe_expect(poll_all() == NOT_READY, "SHARED STATE", "joins", 0, CHILDREN,
                 0);
    for (int i = 0; i < CHILDREN; i++)
        mark_owner(&all, tokens[i]);
    probe_expect(poll_all() == READY, "SHARED STATE", "joins", CHILDREN,
                 CHILDREN, 0);
}

/* One child fails: the others come to their end all the same. */
PROBE_CASE(error)
{
    make(2);
    children[2].result = -ECONNRESET;
    poll_all();
    for (int i = 0; i < CHILDREN; i++) {
        mark_owner(&all, tokens[i]);
        expect_state(poll_all());
    }
    probe_expect(all.future.error == -ECONNRESET, "ERROR LOST", "child",
                 all.future.error, -ECONNRESET, 0);
}

/* Two fail, each with an error of its own: it is that of one of them. */
PROBE_CASE(errors)
{
    make(1);
    children[2].result = -ECONNRESET;
    children[5].result = -EPIPE;
    poll_all();
    probe_expect(all.future.error == -ECONNRESET || all.future.error == -EPIPE,
                 "ERROR LOST", "children", all.future.error, -ECONNRESET,
                 -EPIPE);
}

#undef http_get_poll /* without the probes of lesson.c */

/*
 * A child that asks again when it has its response: the second socket often has
 * the number of a socket that another child has closed meanwhile.
 */
struct again {
    struct future future;
    struct http_get_future get;
    int left;
    int ms;
    struct join_all *all;
    size_t child;
};

static enum poll_state again_poll(struct future *future)
{
    struct again *self = (struct again *)future;

    for (;;) {
        const enum poll_state state = http_get_poll(&self->get.future);

        if (state == NOT_READY)
            return NOT_READY;
        future->error = self->get.future.error;
        free(self->get.request.text);
        if (future->error || self->left-- == 0)
            return READY;
        self->get = (struct http_get_future){
            .future.poll = http_get_poll,
            .request = {.port = probe_port(),
                        .path = probe_path(self->ms),
                        .stream = -1},
            .all = self->all,
            .child = self->child,
        };
    }
}

static void again_add(struct again *self, int ms, int times)
{
    *self = (struct again){
        .future.poll = again_poll, .left = times - 1, .ms = ms, .all = &all};
    self->child = join_all_add(&all, &self->future);
    self->get = (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = probe_port(), .path = probe_path(ms), .stream = -1},
        .all = &all,
        .child = self->child,
    };
}

PROBE_CASE(reuse)
{
    static struct again again[4];
    static const int ms[4] = {30, 45, 70, 100};

    join_all_init(&all);
    for (int i = 0; i < 4; i++)
        again_add(&again[i], ms[i], i ? 6 - i : 1);
    runtime_start();
    block_on(&all);
    runtime_stop();
    for (int i = 0; i < 4; i++)
        probe_expect(again[i].left < 0 && again[i].future.error == 0,
                     "FORGOT THE OTHERS", "ready", i, 4, 0);
}

/* So many at once that a token of one byte could not tell them apart. */
enum { MANY = 300 };

PROBE_CASE(many)
{
    static struct http_get_future gets[MAX_CHILDREN];
    unsigned long polls;

    join_all_init(&all);
    for (int i = 0; i < MANY; i++)
        http_get(&gets[i], probe_port(), probe_path(100 + i), &all);
    runtime_start();
    block_on(&all);
    runtime_stop();
    polls = probe_count(PROBE_POLL);
    for (int i = 0; i < MANY; i++)
        probe_expect(gets[i].future.error == 0 && gets[i].request.text,
                     "FORGOT THE OTHERS", "ready", i, MANY, 0);
    probe_expect(polls < MANY * 5, "POLLS EVERYBODY", "polls", (long)polls,
                 2 * MANY, MANY);
}
