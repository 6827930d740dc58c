/* SPDX-License-Identifier: MIT */
/*
 * combine.c - all, try_all, select, timeout, until and either.
 *
 * Threads: the executor's.
 *
 * A child whose `at` is RV_AT_END is finished, no matter what polled or dropped
 * it. So the combinators need no memory of their own per child.
 */
#include <errno.h>
#include <reveil/combine.h>

static bool finished(const struct rv_future *child)
{
    return child->at == RV_AT_END;
}

/* Poll a child, unless it is finished. Returns: true if it is finished now. */
static bool poll_child(struct rv_future *child, struct rv_cx *cx)
{
    return finished(child) || rv_poll(child, cx) == RV_READY;
}

/* Drop a child that is not finished and no handle. */
static void drop_child(struct rv_future *child)
{
    if (!finished(child) && !(child->ops && child->ops->is_handle))
        rv_drop(child);
}

/* Returns: true if all children are finished. */
static bool poll_children(const struct rv_children *children, struct rv_cx *cx)
{
    bool all = true;

    for (uint32_t i = 0; i < children->count; i++)
        if (!poll_child(children->list[i], cx))
            all = false;
    return all;
}

static void drop_unfinished(const struct rv_children *children)
{
    for (uint32_t i = 0; i < children->count; i++)
        drop_child(children->list[i]);
}

static struct rv_children children_of(struct rv_future **list, uint32_t count)
{
    return (struct rv_children){.list = list, .count = count};
}

/* --- all --------------------------------------------------------------- */

static enum rv_poll all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_all *self = RV_CONTAINER_OF(future, struct rv_all, future);

    return poll_children(&self->children, cx) ? RV_READY : RV_PENDING;
}

static void all_drop(struct rv_future *future)
{
    struct rv_all *self = RV_CONTAINER_OF(future, struct rv_all, future);

    if (!finished(future))
        drop_unfinished(&self->children);
}

void rv_all_init(struct rv_all *all, struct rv_future **children,
                 uint32_t count)
{
    static const struct rv_future_ops ops = {
        .name = "rv_all", .poll = all_poll, .drop = all_drop};

    rv_future_init(&all->future, &ops);
    all->children = children_of(children, count);
}

/* --- try_all ----------------------------------------------------------- */

/* Poll the children up to the first one that is finished with an error.
 * Returns: that error, or 0. *all: whether all children are finished. */
static int32_t poll_until_error(const struct rv_children *children,
                                struct rv_cx *cx, bool *all)
{
    *all = true;
    for (uint32_t i = 0; i < children->count; i++) {
        struct rv_future *child = children->list[i];

        if (!poll_child(child, cx))
            *all = false;
        else if (child->result < 0)
            return child->result;
    }
    return 0;
}

static enum rv_poll try_all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_try_all *self =
        RV_CONTAINER_OF(future, struct rv_try_all, future);
    bool all;

    future->result = poll_until_error(&self->children, cx, &all);
    if (future->result < 0)
        drop_unfinished(&self->children);
    return all || future->result < 0 ? RV_READY : RV_PENDING;
}

static void try_all_drop(struct rv_future *future)
{
    struct rv_try_all *self =
        RV_CONTAINER_OF(future, struct rv_try_all, future);

    if (!finished(future))
        drop_unfinished(&self->children);
}

void rv_try_all_init(struct rv_try_all *all, struct rv_future **children,
                     uint32_t count)
{
    static const struct rv_future_ops ops = {
        .name = "rv_try_all", .poll = try_all_poll, .drop = try_all_drop};

    rv_future_init(&all->future, &ops);
    all->children = children_of(children, count);
}

/* --- select ------------------------------------------------------------ */

/*
 * Which child is polled first. The selects of a thread are numbered, and the
 * n-th one starts at the fraction n * 0.618... (modulo 1) of its children.
 * Because of the golden ratio, every k-th number gives starts that are spread
 * as evenly as those of all numbers. So the starts of each select are even also
 * if k tasks use selects in turn.
 */
static uint32_t next_start(uint32_t count)
{
    static _Thread_local uint32_t fraction; /* of 2^32 */
    const uint32_t start = (uint32_t)(((uint64_t)fraction * count) >> 32);

    fraction += UINT32_C(0x9e3779b9);
    return start;
}

static enum rv_poll select_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_select *self = RV_CONTAINER_OF(future, struct rv_select, future);
    const struct rv_children *children = &self->children;

    for (uint32_t i = 0; i < children->count; i++) {
        uint32_t index = (children->start + i) % children->count;

        if (!poll_child(children->list[index], cx))
            continue;
        drop_unfinished(children);
        future->result = (int32_t)index;
        return RV_READY;
    }
    future->result = -ECHILD;
    return children->count == 0 ? RV_READY : RV_PENDING;
}

static void select_drop(struct rv_future *future)
{
    struct rv_select *self = RV_CONTAINER_OF(future, struct rv_select, future);

    if (!finished(future))
        drop_unfinished(&self->children);
}

void rv_select_init(struct rv_select *select, struct rv_future **children,
                    uint32_t count)
{
    static const struct rv_future_ops ops = {
        .name = "rv_select", .poll = select_poll, .drop = select_drop};

    rv_future_init(&select->future, &ops);
    select->children = children_of(children, count);
    select->children.start = next_start(count);
}

/* --- timeout ----------------------------------------------------------- */

static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_timeout *self =
        RV_CONTAINER_OF(future, struct rv_timeout, future);

    if (poll_child(self->child, cx)) {
        rv_drop(&self->sleep.future);
        future->result = self->child->result;
        return RV_READY;
    }
    if (rv_poll(&self->sleep.future, cx) == RV_PENDING)
        return RV_PENDING;
    drop_child(self->child);
    future->result = -ETIMEDOUT;
    return RV_READY;
}

static void timeout_drop(struct rv_future *future)
{
    struct rv_timeout *self =
        RV_CONTAINER_OF(future, struct rv_timeout, future);

    if (finished(future))
        return;
    drop_child(self->child);
    rv_drop(&self->sleep.future);
}

void rv_timeout_init(struct rv_timeout *timeout, struct rv_future *child,
                     int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {.name = "rv_timeout",
                                             .poll = timeout_poll,
                                             .drop = timeout_drop,
                                             .wraps = 1};

    rv_future_init(&timeout->future, &ops);
    timeout->child = child;
    rv_sleep_init(&timeout->sleep, deadline_ns);
}

/* --- until ------------------------------------------------------------- */

static void until_drop(struct rv_future *future)
{
    struct rv_until *self = RV_CONTAINER_OF(future, struct rv_until, future);

    rv_drop(&self->sleep.future);
}

static enum rv_poll until_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_until *self = RV_CONTAINER_OF(future, struct rv_until, future);

    if (poll_child(self->child, cx))
        future->result = self->child->result;
    else if (rv_poll(&self->sleep.future, cx) == RV_READY)
        future->result = -ETIMEDOUT;
    else
        return RV_PENDING;
    if (!finished(self->child))
        cx->leaves_child = true;
    until_drop(future);
    return RV_READY;
}

void rv_until_init(struct rv_until *until, struct rv_future *child,
                   int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "rv_until", .poll = until_poll, .drop = until_drop, .wraps = 1};

    rv_future_init(&until->future, &ops);
    until->child = child;
    rv_sleep_init(&until->sleep, deadline_ns);
}

/* --- either ------------------------------------------------------------ */

static void either_drop(struct rv_future *future)
{
    struct rv_either *self = RV_CONTAINER_OF(future, struct rv_either, future);

    rv_drop(&self->sleep.future);
}

static enum rv_poll either_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_either *self = RV_CONTAINER_OF(future, struct rv_either, future);

    if (poll_child(self->first, cx))
        future->result = 0;
    else if (poll_child(self->second, cx))
        future->result = 1;
    else if (rv_poll(&self->sleep.future, cx) == RV_READY)
        future->result = -ETIMEDOUT;
    else
        return RV_PENDING;
    if (!finished(self->first) || !finished(self->second))
        cx->leaves_child = true;
    either_drop(future);
    return RV_READY;
}

void rv_either_init(struct rv_either *either, struct rv_future *first,
                    struct rv_future *second, int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {.name = "rv_either",
                                             .poll = either_poll,
                                             .drop = either_drop,
                                             .wraps = 2};

    rv_future_init(&either->future, &ops);
    either->first = first;
    either->second = second;
    rv_sleep_init(&either->sleep, deadline_ns);
}
