/* SPDX-License-Identifier: MIT */
/*
 * get_lane.c - a lane of `reveil get`: one URL after the other, and where
 * their bodies go.
 *
 * With --output a body goes to its file as it comes. A single URL's goes to
 * stdout, but not before there is much of it, so that an answer that is cut
 * early leaves nothing there. Of several, each body waits in memory until it
 * is its turn.
 */
#include <errno.h>
#include <reveil/async.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "cli/cli.h"
#include "cli/get.h"

enum {
    PROGRESS_MS = 100, /* between two lines of progress */
    HELD_BYTES = 1 << 20
};

struct lane {
    struct rv_future future;
    struct fetch *fetch;
    size_t number; /* of the URL */
    struct rv_http_get get;

    /* Where the body goes as it comes. */
    struct rv_http_sink tap;
    struct rv_http_file file;
    bool flows; /* into `file` */
    bool unwanted;
    char *held; /* until it flows */
    size_t held_bytes;
    size_t flown_bytes; /* of those held */
};

/* --- what the user sees ------------------------------------------------ */

void get_clear_progress(const struct fetch *fetch)
{
    if (fetch->progress)
        fputs("\r\033[K", stderr);
}

static void show_progress(struct fetch *fetch)
{
    int64_t now_ns;

    if (!fetch->progress)
        return;
    now_ns = rv_now_ns();
    if (now_ns < fetch->progress_ns)
        return;
    fetch->progress_ns = now_ns + PROGRESS_MS * RV_NS_PER_MS;
    fprintf(stderr, "\r\033[K%zu/%zu done", fetch->done, fetch->total);
    if (fetch->failed > 0)
        fprintf(stderr, ", %zu failed", fetch->failed);
    if (fetch->streamed_bytes > 0)
        fprintf(stderr, ", %.1f MB", (double)fetch->streamed_bytes / 1e6);
}

static const char *url_of(const struct fetch *fetch, size_t number)
{
    return fetch->urls->list[number % fetch->urls->count];
}

static void failure(struct fetch *fetch, size_t number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void failure(struct fetch *fetch, size_t number, const char *format, ...)
{
    char why[512];
    va_list args;

    fetch->failed++;
    if (fetch->options->quiet)
        return;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    get_clear_progress(fetch);
    cli_fail(CLI_FAILED, "%s: %s", url_of(fetch, number), why);
}

/* --- the body as it comes ---------------------------------------------- */

static struct lane *lane_of(struct rv_http_sink *tap)
{
    return RV_CONTAINER_OF(tap, struct lane, tap);
}

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

/* From now on the body goes into a file, or to stdout. */
static int begin_to_flow(struct lane *lane)
{
    const struct output *output = &lane->fetch->output;
    char name[256];
    int err;

    if (output->directory) {
        urls_file_name(name, sizeof name, lane->number + 1,
                       url_of(lane->fetch, lane->number));
        err = rv_http_file_init(&lane->file, output->directory_fd, name);
    } else {
        err = rv_http_file_init_fd(&lane->file, STDOUT_FILENO);
    }
    lane->flows = err == 0;
    return err;
}

/* Only a good answer leaves anything behind. */
static int tap_start(struct rv_http_sink *tap, const struct rv_http_get *get)
{
    struct lane *lane = lane_of(tap);

    lane->unwanted = !is_success(get->status);
    if (lane->unwanted)
        return 0;
    if (lane->fetch->output.directory)
        return begin_to_flow(lane);
    lane->held = rv_alloc(HELD_BYTES);
    return lane->held ? 0 : -ENOMEM;
}

static ssize_t flow(struct lane *lane, struct rv_cx *cx, const char *data,
                    size_t len)
{
    struct rv_http_sink *sink = &lane->file.sink;
    const ssize_t n = sink->ops->poll_write(sink, cx, data, len);

    if (n > 0) {
        lane->fetch->streamed_bytes += (uint64_t)n;
        show_progress(lane->fetch);
    }
    return n;
}

/* What was held goes first. Returns: 0 when it has gone, negative errno. */
static int flow_held(struct lane *lane, struct rv_cx *cx)
{
    while (lane->flown_bytes < lane->held_bytes) {
        const ssize_t n = flow(lane, cx, lane->held + lane->flown_bytes,
                               lane->held_bytes - lane->flown_bytes);

        if (n < 0)
            return (int)n;
        lane->flown_bytes += (size_t)n;
    }
    return 0;
}

static ssize_t tap_write(struct rv_http_sink *tap, struct rv_cx *cx,
                         const void *data, size_t len)
{
    struct lane *lane = lane_of(tap);
    int err = 0;

    if (lane->unwanted)
        return (ssize_t)len;
    if (!lane->flows && lane->held_bytes < HELD_BYTES) {
        if (len > HELD_BYTES - lane->held_bytes)
            len = HELD_BYTES - lane->held_bytes;
        memcpy(lane->held + lane->held_bytes, data, len);
        lane->held_bytes += len;
        return (ssize_t)len;
    }
    if (!lane->flows)
        err = begin_to_flow(lane);
    if (err == 0)
        err = flow_held(lane, cx);
    return err < 0 ? err : flow(lane, cx, data, len);
}

static int tap_finish(struct rv_http_sink *tap, struct rv_cx *cx)
{
    struct lane *lane = lane_of(tap);

    return lane->flows ? lane->file.sink.ops->poll_finish(&lane->file.sink, cx)
                       : 0;
}

static const struct rv_http_sink_ops tap_ops = {
    .start = tap_start, .poll_write = tap_write, .poll_finish = tap_finish};

static void close_tap(struct lane *lane)
{
    rv_http_file_drop(&lane->file);
    rv_free(lane->held);
    lane->held = NULL;
    lane->held_bytes = 0;
    lane->flown_bytes = 0;
    lane->flows = false;
    lane->unwanted = false;
}

/* --- one URL ----------------------------------------------------------- */

static void failed_late(struct lane *lane)
{
    const struct rv_http_get *get = &lane->get;
    const struct get_options *options = lane->fetch->options;

    if (get->deadline_passed)
        failure(lane->fetch, lane->number, "no whole answer in %g s",
                options->timeout_s);
    else if (get->phase == RV_HTTP_CONNECTING && options->connect_timeout_s > 0)
        failure(lane->fetch, lane->number, "no connection in %g s",
                options->connect_timeout_s);
    else if (get->phase != RV_HTTP_CONNECTING)
        failure(lane->fetch, lane->number, "nothing came for %g s",
                options->stall_s);
    else
        failure(lane->fetch, lane->number, "%s", cli_error_text(-ETIMEDOUT));
}

static void failed_to_write(struct lane *lane)
{
    const struct fetch *fetch = lane->fetch;
    const char *why = strerror(-lane->get.future.result);

    if (fetch->output.directory)
        failure(lane->fetch, lane->number, "cannot write a file in %s: %s",
                fetch->output.directory, why);
    else
        failure(lane->fetch, lane->number,
                "cannot write to stdout: %s; %llu bytes were written", why,
                (unsigned long long)lane->file.written_bytes);
}

/* Say why there is no body. Returns: false if there is one. */
static bool failed(struct lane *lane)
{
    const struct rv_http_get *get = &lane->get;
    const int err = get->future.result;
    struct fetch *fetch = lane->fetch;

    if (err == -ETIMEDOUT)
        failed_late(lane);
    else if (err < 0 && get->phase == RV_HTTP_STORING)
        failed_to_write(lane);
    else if (err == -EPROTONOSUPPORT && get->status > 0)
        failure(fetch, lane->number,
                "%s redirects to another scheme: only http:// is supported",
                get->url);
    else if (err == -ELOOP)
        failure(fetch, lane->number, "more than %d redirects",
                (int)fetch->options->max_redirects);
    else if (err < 0)
        failure(fetch, lane->number, "%s", cli_error_text(err));
    else if (!is_success(get->status))
        failure(fetch, lane->number, "%d %s%s", get->status,
                rv_http_reason(get->status),
                get->status < 400 && fetch->options->max_redirects == 0
                    ? " (redirects are not followed)"
                    : "");
    else
        return false;
    return true;
}

/* Give what waits in memory to the output, which owns it then. */
static void put(struct lane *lane)
{
    struct rv_http_get *get = &lane->get;
    char **data = &get->body;
    size_t len = get->body_len_bytes;

    if (lane->fetch->options->head) {
        data = &get->head;
        len = get->head_len_bytes;
    } else if (lane->held) {
        data = &lane->held;
        len = lane->held_bytes;
    }
    output_put(&lane->fetch->output, lane->number, *data, len);
    *data = NULL;
}

/* The GET of this lane is over. */
static void settle(struct lane *lane)
{
    struct fetch *fetch = lane->fetch;

    fetch->done++;
    if (failed(lane) || lane->flows)
        output_skip(&fetch->output, lane->number);
    else
        put(lane);
    rv_waker_wake(&fetch->waker); /* to write, or to stop */
    show_progress(fetch);
}

/* Take the next URL. Returns: false when there is none. */
static bool take(struct lane *lane)
{
    struct fetch *fetch = lane->fetch;

    if (fetch->output.error < 0 || fetch->next == fetch->total)
        return false;
    lane->number = fetch->next++;
    return true;
}

/* Rounded up: 0 is "no limit", which no positive number of seconds means. */
static int64_t ns_of(double seconds)
{
    const int64_t ns = (int64_t)(seconds * 1e9);

    return (double)ns < seconds * 1e9 ? ns + 1 : ns;
}

static int start(struct lane *lane)
{
    struct fetch *fetch = lane->fetch;
    const struct get_options *options = fetch->options;
    struct rv_http_get *get = &lane->get;
    int err = rv_http_get_init(get, url_of(fetch, lane->number));

    if (options->timeout_s > 0)
        get->deadline_ns = rv_after_ns(ns_of(options->timeout_s));
    get->timeouts.connect_ns = ns_of(options->connect_timeout_s);
    get->timeouts.send_ns = ns_of(options->stall_s);
    get->timeouts.head_stall_ns = ns_of(options->stall_s);
    get->timeouts.body_ns = ns_of(options->stall_s);
    get->max_redirects = (uint32_t)options->max_redirects;
    get->head_only = options->head;
    get->client = fetch->keep ? &fetch->client : NULL;
    lane->tap.ops = &tap_ops;
    if (!options->head && (options->directory || fetch->total == 1))
        rv_http_get_into(get, &lane->tap);
    return err;
}

/* --- the task ---------------------------------------------------------- */

static enum rv_poll lane_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct lane *self = RV_CONTAINER_OF(future, struct lane, future);

    RV_BEGIN(future);
    while (take(self)) {
        self->get.future.result = start(self);
        if (self->get.future.result == 0)
            RV_AWAIT(future, cx, &self->get.future);
        settle(self);
        rv_drop(&self->get.future);
        close_tap(self);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void lane_drop(struct rv_future *future)
{
    struct lane *self = RV_CONTAINER_OF(future, struct lane, future);

    rv_drop(&self->get.future);
    close_tap(self);
    if (self->fetch && --self->fetch->lanes == 0)
        rv_waker_wake(&self->fetch->waker);
    self->fetch = NULL;
}

static int add_lane(struct fetch *fetch, struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {
        .name = "lane", .poll = lane_poll, .drop = lane_drop};
    struct lane *lane = rv_alloc(sizeof *lane);
    int err;

    if (!lane)
        return -ENOMEM;
    rv_future_init(&lane->future, &ops);
    lane->fetch = fetch;
    err = rv_spawn(executor, &lane->future, NULL);
    if (err < 0)
        rv_free(lane);
    else
        fetch->lanes++;
    return err;
}

int get_add_lanes(struct fetch *fetch, struct rv_executor *executor)
{
    while (fetch->lanes < fetch->lanes_max) {
        const int err = add_lane(fetch, executor);

        /* With one lane alone the work gets done, too. */
        if (err < 0)
            return fetch->lanes > 0 ? 0 : err;
    }
    return 0;
}
