/* SPDX-License-Identifier: MIT */
/*
 * door.h - what the channels of lesson 18 are made of: a door, at which one
 * task sleeps until another one wakes it. It is the parker of lesson 05, for
 * tasks instead of threads.
 *
 *     while (!there_is_room())          take_one();
 *         door_park(&room);     <----   door_unpark(&room);
 *
 * And with it the second channel, without a limit: results.
 *
 * Threads: door_park() a coroutine, one at a time; all else any.
 */
#ifndef DOOR_H
#define DOOR_H

/* --- Door: a permit, and who sleeps until there is one ----------------- */

struct wake_door {
    pthread_mutex_t lock;
    bool permit;             /* lock held, as the rest */
    struct rv_waker sleeper; /* of the task that sleeps here */
};

#define DOOR_INITIALIZER                  \
    {                                     \
        PTHREAD_MUTEX_INITIALIZER, false, \
        {                                 \
            NULL, 0                       \
        }                                 \
    }

static void door_init(struct wake_door *self)
{
    *self = (struct wake_door)DOOR_INITIALIZER;
}

struct door_wait {
    struct rv_future future;
    struct wake_door *door;
};

static enum rv_poll door_wait_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct wake_door *door =
        RV_CONTAINER_OF(future, struct door_wait, future)->door;
    bool permit;

    pthread_mutex_lock(&door->lock);
    permit = door->permit;
    door->permit = false;
    if (!permit)
        rv_waker_store(&door->sleeper, &cx->waker);
    pthread_mutex_unlock(&door->lock);
    /*@probe probe_door(door, permit); */
    return permit ? RV_READY : RV_PENDING;
}

/*
 * The calling task sleeps until there is a permit, and takes it. The permit may
 * be an old one, of an unpark from long ago: look again at what you wait for.
 */
static void door_park(struct wake_door *self)
{
    static const struct rv_future_ops ops = {.name = "door",
                                             .poll = door_wait_poll};
    struct door_wait wait = {.door = self};

    rv_future_init(&wait.future, &ops);
    /*@probe probe_park(self); */
    /*@probe probe_point("door_park"); */
    lesson_expect(rv_await(&wait.future) == 0, "canceled at a door");
    rv_drop(&wait.future);
}

/* Leave a permit, one at most, and wake who sleeps here. */
static void door_unpark(struct wake_door *self)
{
    struct rv_waker sleeper;

    /*@probe probe_unpark(self); */
    /*@probe probe_point("door_unpark"); */
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    sleeper = rv_waker_take(&self->sleeper);
    pthread_mutex_unlock(&self->lock);
    rv_waker_wake_and_drop(&sleeper);
    /*@probe probe_point("after door_unpark"); */
}

/* --- MPSC: many senders, one receiver, no limit ------------------------ */

struct mpsc_node {
    struct mpsc_node *next;
};

struct mpsc {
    pthread_mutex_t lock;
    struct mpsc_node *first, **last; /* lock held */
    struct wake_door door;           /* of the receiver */
};

static void mpsc_open(struct mpsc *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->first = NULL;
    self->last = &self->first;
    door_init(&self->door);
}

/* Any thread. It never waits: the list grows. */
static void mpsc_push(struct mpsc *self, struct mpsc_node *node)
{
    node->next = NULL;
    pthread_mutex_lock(&self->lock);
    *self->last = node;
    self->last = &node->next;
    pthread_mutex_unlock(&self->lock);
    door_unpark(&self->door);
}

static struct mpsc_node *mpsc_try_pop(struct mpsc *self)
{
    struct mpsc_node *node;

    pthread_mutex_lock(&self->lock);
    node = self->first;
    if (node)
        self->first = node->next;
    if (!self->first)
        self->last = &self->first;
    pthread_mutex_unlock(&self->lock);
    /*@probe probe_tried(node); */
    return node;
}

/* A coroutine, the only receiver: wait for the next one. */
static struct mpsc_node *mpsc_pop(struct mpsc *self)
{
    struct mpsc_node *node;

    while (!(node = mpsc_try_pop(self)))
        door_park(&self->door);
    return node;
}

#endif /* DOOR_H */
