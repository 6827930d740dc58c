/* SPDX-License-Identifier: MIT */
/*
 * batch.c - some files at once, their results in order, and the progress.
 *
 * Threads: the executor's.
 *
 * A lane is a task that hashes one file after the other, with the same two
 * buffers. With fewer lanes the buffers are longer: a longer job amortizes the
 * cost of handing it to a pool thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sha1sum.h"

enum {
    LANES_MAX = 16,
    ALL_BUFFERS_BYTES = 16 * 1024 * 1024,
    BUFFER_MAX_BYTES = 1024 * 1024,
    PROGRESS_FIRST_MS = 1000,
    PROGRESS_MS = 200,
};

struct batch {
    struct rv_future future;
    struct rv_executor *executor;
    struct item *items;
    uint32_t len;
    uint32_t next;    /* next file to hash */
    uint32_t emitted; /* in order */
    void (*emit)(void *context, const struct item *item);
    void *context;
    struct totals totals;
    struct rv_join joins[LANES_MAX];
    uint32_t lanes;
    uint32_t i;
    struct rv_join progress;
    bool shows_progress; /* a line of it is on the terminal */
};

/* --- output in order --------------------------------------------------- */

static void hide_progress(struct batch *batch)
{
    if (batch->shows_progress)
        fputs("\r\033[K", stderr);
    batch->shows_progress = false;
}

static void emit_what_can_be(struct batch *batch)
{
    if (batch->emitted < batch->len && batch->items[batch->emitted].done)
        hide_progress(batch);
    while (batch->emitted < batch->len && batch->items[batch->emitted].done)
        batch->emit(batch->context, &batch->items[batch->emitted++]);
    if (isatty(STDERR_FILENO))
        fflush(stdout);
}

/* --- a lane ------------------------------------------------------------ */

struct lane {
    struct rv_future future;
    struct batch *batch;
    struct item *item;
    struct digest digest;
    struct rv_buf *bufs[2];
};

static bool is_stdin(const struct item *item)
{
    return strcmp(item->name, "-") == 0;
}

/* There is one standard input: if it is named again, the lane that read it
 * hashes what is left. */
static struct item *next_stdin(struct batch *batch, const struct item *item)
{
    for (uint32_t i = (uint32_t)(item - batch->items) + 1; i < batch->len; i++)
        if (is_stdin(&batch->items[i]))
            return &batch->items[i];
    return NULL;
}

static bool is_first_stdin(const struct batch *batch, const struct item *item)
{
    for (const struct item *i = batch->items; i < item; i++)
        if (is_stdin(i))
            return false;
    return true;
}

/* Returns: NULL if there is no more work for this lane. */
static struct item *take_item(struct batch *batch, const struct item *last)
{
    struct item *again =
        last && is_stdin(last) ? next_stdin(batch, last) : NULL;

    if (again)
        return again;
    while (batch->next < batch->len) {
        struct item *item = &batch->items[batch->next++];

        if (!is_stdin(item) || is_first_stdin(batch, item))
            return item;
    }
    return NULL;
}

static void finish_item(struct lane *self)
{
    struct item *item = self->item;

    item->error = self->digest.future.result;
    memcpy(item->digest, self->digest.value, SHA1_BYTES);
    item->done = true;
    rv_drop(&self->digest.future);
    emit_what_can_be(self->batch);
}

static enum rv_poll lane_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct lane *self = RV_CONTAINER_OF(future, struct lane, future);

    RV_BEGIN(future);
    while ((self->item = take_item(self->batch, self->item))) {
        digest_init(&self->digest, self->item->name, self->bufs,
                    &self->batch->totals);
        RV_AWAIT(future, cx, &self->digest.future);
        finish_item(self);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void lane_drop(struct rv_future *future)
{
    struct lane *self = RV_CONTAINER_OF(future, struct lane, future);

    rv_drop(&self->digest.future);
    for (int i = 0; i < 2; i++) {
        rv_buf_put(self->bufs[i]);
        self->bufs[i] = NULL;
    }
}

static size_t buffer_bytes(const struct batch *batch)
{
    size_t bytes = ALL_BUFFERS_BYTES / 2 / batch->lanes;

    return bytes < BUFFER_MAX_BYTES ? bytes : BUFFER_MAX_BYTES;
}

/* Returns: 0, negative errno. */
static int spawn_lane(struct batch *batch, uint32_t number)
{
    static const struct rv_future_ops ops = {
        .name = "lane", .poll = lane_poll, .drop = lane_drop};
    struct lane *lane = rv_alloc(sizeof *lane);
    int error = -ENOMEM;

    if (!lane)
        return error;
    rv_future_init(&lane->future, &ops);
    lane->batch = batch;
    for (int i = 0; i < 2; i++)
        lane->bufs[i] = rv_buf_new(buffer_bytes(batch));
    if (lane->bufs[0] && lane->bufs[1])
        error = rv_spawn(batch->executor, &lane->future, &batch->joins[number]);
    if (error) {
        rv_drop(&lane->future);
        rv_free(lane);
    }
    return error;
}

/* --- the progress ------------------------------------------------------ */

struct progress {
    struct rv_future future;
    struct batch *batch;
    struct rv_interval tick;
};

static void show_progress(struct batch *batch)
{
    const double mega = 1e6;

    fprintf(stderr, "\r\033[K%.0f of %.0f MB, %u of %u files",
            (double)batch->totals.done_bytes / mega,
            (double)batch->totals.known_bytes / mega, batch->emitted,
            batch->len);
    fflush(stderr);
    batch->shows_progress = true;
}

static enum rv_poll progress_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct progress *self = RV_CONTAINER_OF(future, struct progress, future);

    RV_BEGIN(future);
    rv_interval_init(&self->tick, rv_after_ms(PROGRESS_FIRST_MS),
                     PROGRESS_MS * RV_NS_PER_MS, RV_TICK_SKIP);
    for (;;) {
        rv_interval_next(&self->tick);
        RV_AWAIT(future, cx, &self->tick.future);
        show_progress(self->batch);
    }
    RV_END(future);
}

static void progress_drop(struct rv_future *future)
{
    struct progress *self = RV_CONTAINER_OF(future, struct progress, future);

    rv_drop(&self->tick.future);
    hide_progress(self->batch);
}

/* Out of memory: no progress is shown. */
static void spawn_progress(struct batch *batch)
{
    static const struct rv_future_ops ops = {
        .name = "progress", .poll = progress_poll, .drop = progress_drop};
    struct progress *progress = rv_alloc(sizeof *progress);

    if (!progress)
        return;
    rv_future_init(&progress->future, &ops);
    progress->batch = batch;
    if (rv_spawn(batch->executor, &progress->future, &batch->progress))
        rv_free(progress);
}

/* --- all --------------------------------------------------------------- */

static enum rv_poll batch_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct batch *self = RV_CONTAINER_OF(future, struct batch, future);

    RV_BEGIN(future);
    for (self->i = 0; self->i < self->lanes; self->i++)
        RV_AWAIT(future, cx, &self->joins[self->i].future);
    RV_RETURN(future, 0);
    RV_END(future);
}

/* Returns: 0, negative errno. */
static int run(struct rv_runtime *runtime, struct batch *batch)
{
    int error = 0;

    for (uint32_t i = 0; i < batch->lanes && !error; i++)
        error = spawn_lane(batch, i);
    if (!error && isatty(STDERR_FILENO) && !options.status)
        spawn_progress(batch);
    if (!error)
        error = rv_runtime_block_on(runtime, &batch->future);
    rv_join_abort(&batch->progress);
    rv_join_drop(&batch->progress);
    for (uint32_t i = 0; i < batch->lanes; i++) {
        rv_join_abort(&batch->joins[i]);
        rv_join_drop(&batch->joins[i]);
    }
    return error;
}

int hash_all(struct rv_runtime *runtime, struct item *items, uint32_t len,
             void (*emit)(void *context, const struct item *item),
             void *context)
{
    static const struct rv_future_ops ops = {.name = "batch",
                                             .poll = batch_poll};
    struct batch *batch = rv_alloc(sizeof *batch);
    int error;

    if (!batch)
        return -ENOMEM;
    rv_future_init(&batch->future, &ops);
    batch->executor = rv_runtime_executor(runtime);
    batch->items = items;
    batch->len = len;
    batch->emit = emit;
    batch->context = context;
    batch->lanes = len < LANES_MAX ? len : LANES_MAX;
    error = run(runtime, batch);
    rv_free(batch);
    return error;
}
