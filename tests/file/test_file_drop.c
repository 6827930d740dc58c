/* SPDX-License-Identifier: MIT */
/*
 * test_file_drop.c - every file future, dropped before its first poll, after
 * its first, its second, ... until it is READY; nothing may be left of it.
 *
 * Threads: the test's, the pool's.
 */
#include "file/files.h"

#include "file/file_internal.h"

RV_TEST_SUITE(file_drop);

enum { POLLS_AT_MOST = 100 };

/* The objects that a future uses, new for each point at which it is dropped. */
struct site {
    struct desk desk;
    struct rv_file *file;
    struct rv_file *made;
    struct tube tube;
    struct rv_buf *buf;
    struct statx stat;
    struct rv_file_op op;
    struct rv_file_read_all read_all;
    struct rv_file_write_all write_all;
};

static struct rv_future *init_open(struct site *site)
{
    rv_file_open_init(&site->op, &site->made, site->desk.path, O_RDONLY, 0);
    return &site->op.future;
}

static struct rv_future *init_read_cached(struct site *site)
{
    site->buf->len_bytes = 0;
    rv_file_read_init(&site->op, site->file, site->buf, 0);
    return &site->op.future;
}

static struct rv_future *init_read(struct site *site)
{
    atomic_store(&site->file->waits, true);
    return init_read_cached(site);
}

static struct rv_future *init_read_pipe(struct site *site)
{
    site->buf->len_bytes = 0;
    rv_file_read_init(&site->op, site->tube.reader, site->buf,
                      RV_FILE_POSITION);
    return &site->op.future;
}

static struct rv_future *init_write(struct site *site)
{
    rv_file_write_init(&site->op, site->file, site->buf, 0, 0);
    return &site->op.future;
}

/* More than the pipe holds. */
static struct rv_future *init_write_pipe(struct site *site)
{
    rv_file_write_whole_init(&site->op, site->tube.writer, site->buf, 0,
                             RV_FILE_POSITION);
    return &site->op.future;
}

static struct rv_future *init_write_sync(struct site *site)
{
    rv_file_write_sync_init(&site->op, site->file, site->buf, 0, 0);
    return &site->op.future;
}

static struct rv_future *init_sync(struct site *site)
{
    rv_file_sync_init(&site->op, site->file, false);
    return &site->op.future;
}

static struct rv_future *init_stat(struct site *site)
{
    rv_file_stat_init(&site->op, site->file, &site->stat);
    return &site->op.future;
}

static struct rv_future *init_close(struct site *site)
{
    rv_file_close_init(&site->op, &site->file);
    return &site->op.future;
}

static struct rv_future *init_read_all(struct site *site)
{
    rv_file_read_all_init(&site->read_all, site->desk.path, 1 << 20);
    return &site->read_all.future;
}

static struct rv_future *init_write_all(struct site *site)
{
    rv_file_write_all_init(&site->write_all, site->desk.path, 0600, site->buf,
                           false);
    return &site->write_all.future;
}

static struct rv_future *init_write_all_sync(struct site *site)
{
    init_write_all(site);
    site->write_all.sync = true;
    return &site->write_all.future;
}

static void feed_byte(struct site *site)
{
    cr_assert_eq(write(site->tube.fds[1], "x", 1), 1);
}

static void drain_pipe(struct site *site)
{
    static char sink[1 << 16];

    while (read(site->tube.fds[0], sink, sizeof sink) > 0)
        ;
}

struct kind {
    const char *name;
    struct rv_future *(*init)(struct site *site);
    void (*feed)(struct site *site); /* after each poll that was PENDING */
};

static const struct kind kinds[] = {
    {"open", init_open, NULL},
    {"read, cached", init_read_cached, NULL},
    {"read", init_read, NULL},
    {"read, pipe", init_read_pipe, feed_byte},
    {"write", init_write, NULL},
    {"write, pipe", init_write_pipe, drain_pipe},
    {"write and sync", init_write_sync, NULL},
    {"sync", init_sync, NULL},
    {"stat", init_stat, NULL},
    {"close", init_close, NULL},
    {"read all", init_read_all, NULL},
    {"write all", init_write_all, NULL},
    {"write all and sync", init_write_all_sync, NULL},
};

/* --- the one who polls and drops --------------------------------------- */

struct dropper {
    struct rv_future future;
    struct site *site;
    const struct kind *kind;
    struct rv_future *child;
    int polls;
    bool ready;
};

static enum rv_poll dropper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct dropper *self = RV_CONTAINER_OF(future, struct dropper, future);

    if (self->polls > 0 && !self->ready) {
        self->polls--;
        self->ready = rv_poll(self->child, cx) == RV_READY;
        if (!self->ready && self->polls > 0) {
            if (self->kind->feed)
                self->kind->feed(self->site);
            return RV_PENDING;
        }
    }
    rv_drop(self->child);
    rv_drop(self->child); /* a no-op the second time */
    return RV_READY;
}

static void site_open(struct site *site)
{
    *site = (struct site){.buf = rv_buf_new(200000)};
    site->buf->len_bytes = site->buf->cap_bytes;
    desk_init(&site->desk);
    site->file = desk_open(&site->desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&site->desk, site->file, "text", 0), 4);
    tube_open(&site->tube, 0);
    fcntl(site->tube.fds[0], F_SETFL, O_NONBLOCK); /* for drain_pipe() */
}

static void site_close(struct site *site)
{
    /* A dropped operation may still use its buffer, but not forever. */
    await_buf(&site->desk, site->buf);
    rv_file_put(site->file);
    rv_file_put(site->made);
    rv_buf_put(site->buf);
    tube_close(&site->tube);
    desk_fini(&site->desk);
}

/* Returns: true if it was READY by then. */
static bool drop_after(const struct kind *kind, int polls)
{
    static const struct rv_future_ops ops = {.name = "dropper",
                                             .poll = dropper_poll};
    const uint32_t fds = rv_test_fds();
    struct site site;
    struct dropper dropper = {.site = &site, .kind = kind, .polls = polls};

    site_open(&site);
    rv_future_init(&dropper.future, &ops);
    dropper.child = kind->init(&site);
    cr_assert_eq(desk_await(&site.desk, &dropper.future), 0,
                 "%s, %d polls: it hangs", kind->name, polls);
    site_close(&site);
    cr_assert_eq(rv_test_fds(), fds, "%s, %d polls: descriptors", kind->name,
                 polls);
    return dropper.ready;
}

RV_TEST(file_drop, at_each_poll)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool ready = false;

        for (int polls = 0; !ready; polls++) {
            cr_assert_lt(polls, POLLS_AT_MOST, "%s", kinds[i].name);
            ready = drop_after(&kinds[i], polls);
        }
    }
}
