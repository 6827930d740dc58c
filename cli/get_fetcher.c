/* SPDX-License-Identifier: MIT */
/*
 * get_fetcher.c - a fetcher of `reveil get`: fetches one URL after the other,
 * and directs their bodies.
 *
 * With --output a body is written to its file as it arrives. The body of a
 * single URL is written to stdout, but its first MiB is held, so that a short
 * response that is cut off leaves nothing there. With several URLs each body
 * stays in memory until all bodies before it are written.
 */
#include <errno.h>
#include <reveil/async.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/get.h"
#include "cli/language.h"

enum {
    PROGRESS_MS = 100, /* between two updates */
    HELD_BYTES = 1 << 20
};

struct fetcher {
    struct rv_future future;
    struct fetch *fetch;
    size_t number; /* of the URL */
    struct rv_http_get get;

    /* Receives the body as it arrives. */
    struct rv_http_sink tap;
    struct rv_http_file file;
    bool flows;    /* the body is written to `file` */
    bool unwanted; /* the status is not 2xx: discard the body */
    char *held;    /* owned: the start of the body, until it flows */
    size_t held_bytes;
    size_t flown_bytes; /* held bytes that are written */
};

/* --- messages ---------------------------------------------------------- */

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
    fprintf(stderr, say("\r\033[K%zu/%zu done", "\r\033[K%zu/%zu lues"),
            fetch->done, fetch->total);
    if (fetch->failed > 0)
        fprintf(stderr, say(", %zu failed", ", %zu échecs"), fetch->failed);
    if (fetch->streamed_bytes > 0)
        fprintf(stderr, say(", %s MB", ", %s Mo"),
                decimal((double)fetch->streamed_bytes / 1e6, 1).text);
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

/* --- the body as it arrives -------------------------------------------- */

static struct fetcher *fetcher_of(struct rv_http_sink *tap)
{
    return RV_CONTAINER_OF(tap, struct fetcher, tap);
}

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

/* From now on the body is written to a file, or to stdout. */
static int begin_to_flow(struct fetcher *fetcher)
{
    const struct output *output = &fetcher->fetch->output;
    char name[256];
    int error;

    if (output->directory) {
        urls_file_name(name, sizeof name, fetcher->number + 1,
                       url_of(fetcher->fetch, fetcher->number));
        error = rv_http_file_init(&fetcher->file, output->directory_fd, name);
    } else {
        error = rv_http_file_init_fd(&fetcher->file, STDOUT_FILENO);
    }
    fetcher->flows = error == 0;
    return error;
}

/* Only the body of a response with status 2xx is kept. */
static int tap_start(struct rv_http_sink *tap, const struct rv_http_get *get)
{
    struct fetcher *fetcher = fetcher_of(tap);

    fetcher->unwanted = !is_success(get->status);
    if (fetcher->unwanted)
        return 0;
    if (fetcher->fetch->output.directory)
        return begin_to_flow(fetcher);
    fetcher->held = rv_alloc(HELD_BYTES);
    return fetcher->held ? 0 : -ENOMEM;
}

static ssize_t flow(struct fetcher *fetcher, struct rv_cx *cx, const char *data,
                    size_t len)
{
    struct rv_http_sink *sink = &fetcher->file.sink;
    const ssize_t n = sink->ops->poll_write(sink, cx, data, len);

    if (n > 0) {
        fetcher->fetch->streamed_bytes += (uint64_t)n;
        show_progress(fetcher->fetch);
    }
    return n;
}

/* Write the held bytes. Returns: 0 when all are written, negative errno. */
static int flow_held(struct fetcher *fetcher, struct rv_cx *cx)
{
    while (fetcher->flown_bytes < fetcher->held_bytes) {
        const ssize_t n =
            flow(fetcher, cx, fetcher->held + fetcher->flown_bytes,
                 fetcher->held_bytes - fetcher->flown_bytes);

        if (n < 0)
            return (int)n;
        fetcher->flown_bytes += (size_t)n;
    }
    return 0;
}

static ssize_t tap_write(struct rv_http_sink *tap, struct rv_cx *cx,
                         const void *data, size_t len)
{
    struct fetcher *fetcher = fetcher_of(tap);
    int error = 0;

    if (fetcher->unwanted)
        return (ssize_t)len;
    if (!fetcher->flows && fetcher->held_bytes < HELD_BYTES) {
        if (len > HELD_BYTES - fetcher->held_bytes)
            len = HELD_BYTES - fetcher->held_bytes;
        memcpy(fetcher->held + fetcher->held_bytes, data, len);
        fetcher->held_bytes += len;
        return (ssize_t)len;
    }
    if (!fetcher->flows)
        error = begin_to_flow(fetcher);
    if (error == 0)
        error = flow_held(fetcher, cx);
    return error < 0 ? error : flow(fetcher, cx, data, len);
}

static int tap_finish(struct rv_http_sink *tap, struct rv_cx *cx)
{
    struct fetcher *fetcher = fetcher_of(tap);

    return fetcher->flows
               ? fetcher->file.sink.ops->poll_finish(&fetcher->file.sink, cx)
               : 0;
}

static const struct rv_http_sink_ops tap_ops = {
    .start = tap_start, .poll_write = tap_write, .poll_finish = tap_finish};

static void close_tap(struct fetcher *fetcher)
{
    rv_http_file_drop(&fetcher->file);
    rv_free(fetcher->held);
    fetcher->held = NULL;
    fetcher->held_bytes = 0;
    fetcher->flown_bytes = 0;
    fetcher->flows = false;
    fetcher->unwanted = false;
}

/* --- one URL ----------------------------------------------------------- */

static void failed_late(struct fetcher *fetcher)
{
    const struct rv_http_get *get = &fetcher->get;
    const struct get_options *options = fetcher->fetch->options;

    if (get->deadline_passed)
        failure(
            fetcher->fetch, fetcher->number,
            say("no whole response in %g s", "pas de réponse complète en %g s"),
            options->timeout_s);
    else if (get->state == RV_HTTP_CONNECTING && options->connect_timeout_s > 0)
        failure(fetcher->fetch, fetcher->number,
                say("no connection in %g s", "pas de connexion en %g s"),
                options->connect_timeout_s);
    else if (get->state != RV_HTTP_CONNECTING)
        failure(fetcher->fetch, fetcher->number,
                say("nothing came for %g s", "rien n’est arrivé pendant %g s"),
                options->stall_s);
    else
        failure(fetcher->fetch, fetcher->number, "%s",
                cli_error_text(-ETIMEDOUT));
}

static void failed_to_write(struct fetcher *fetcher)
{
    const struct fetch *fetch = fetcher->fetch;
    const char *why = strerror(-fetcher->get.future.result);

    if (fetch->output.directory)
        failure(fetcher->fetch, fetcher->number,
                say("cannot write a file in %s: %s",
                    "impossible d’écrire un fichier dans %s : %s"),
                fetch->output.directory, why);
    else
        failure(fetcher->fetch, fetcher->number,
                say("cannot write to stdout: %s; %llu bytes were written",
                    "impossible d’écrire sur la sortie standard : %s ; %llu "
                    "octets ont été écrits"),
                why, (unsigned long long)fetcher->file.written_bytes);
}

/* Report the error, if there is one. Returns: whether the GET has failed. */
static bool failed(struct fetcher *fetcher)
{
    const struct rv_http_get *get = &fetcher->get;
    const int error = get->future.result;
    struct fetch *fetch = fetcher->fetch;

    if (error == -ETIMEDOUT)
        failed_late(fetcher);
    else if (error < 0 && get->state == RV_HTTP_STORING)
        failed_to_write(fetcher);
    else if (error == -EPROTONOSUPPORT && get->status > 0)
        failure(fetch, fetcher->number,
                say("%s redirects to another scheme: only http:// is supported",
                    "%s redirige vers un autre protocole : seul http:// est "
                    "pris en charge"),
                get->url);
    else if (error == -EBADMSG && get->status > 0 &&
             get->state == RV_HTTP_WAITING)
        failure(fetch, fetcher->number,
                say("%s redirects to something that is not a URL of the form "
                    "http://host[:port]/path",
                    "%s redirige vers autre chose qu’une URL de la forme "
                    "http://hôte[:port]/chemin"),
                get->url);
    else if (error == -ELOOP)
        failure(fetch, fetcher->number,
                say("more than %d redirects", "plus de %d redirections"),
                (int)fetch->options->max_redirects);
    else if (error < 0)
        failure(fetch, fetcher->number, "%s", cli_error_text(error));
    else if (!is_success(get->status))
        failure(fetch, fetcher->number, "%d %s%s", get->status,
                rv_http_reason(get->status),
                rv_http_is_redirect(get->status) &&
                        fetch->options->max_redirects == 0
                    ? say(" (redirects are not followed)",
                          " (les redirections ne sont pas suivies)")
                    : "");
    else
        return false;
    return true;
}

/* Move the body in memory (or the head) to the output, which owns it then. */
static void move_to_output(struct fetcher *fetcher)
{
    struct rv_http_get *get = &fetcher->get;
    char **data = &get->body;
    size_t len = get->body_len_bytes;

    if (fetcher->fetch->options->head) {
        data = &get->head;
        len = get->head_len_bytes;
    } else if (fetcher->held) {
        data = &fetcher->held;
        len = fetcher->held_bytes;
    }
    output_put(&fetcher->fetch->output, fetcher->number, *data, len);
    *data = NULL;
}

/* The GET of this fetcher is over. */
static void settle(struct fetcher *fetcher)
{
    struct fetch *fetch = fetcher->fetch;

    fetch->done++;
    if (failed(fetcher) || fetcher->flows)
        output_skip(&fetch->output, fetcher->number);
    else
        move_to_output(fetcher);
    rv_waker_wake(&fetch->waker); /* it writes to stdout, or ends */
    show_progress(fetch);
}

/* Returns: false if there is none. */
static bool next_url(struct fetcher *fetcher)
{
    struct fetch *fetch = fetcher->fetch;

    if (fetch->output.error < 0 || fetch->next == fetch->total)
        return false;
    fetcher->number = fetch->next++;
    return true;
}

/* Rounded up: 0 would mean no limit. */
static int64_t ns_of(double seconds)
{
    const int64_t ns = (int64_t)(seconds * 1e9);

    return (double)ns < seconds * 1e9 ? ns + 1 : ns;
}

/* Returns: 0, negative errno. */
static int init_get(struct fetcher *fetcher)
{
    struct fetch *fetch = fetcher->fetch;
    const struct get_options *options = fetch->options;
    struct rv_http_get *get = &fetcher->get;
    int error = rv_http_get_init(get, url_of(fetch, fetcher->number));

    if (options->timeout_s > 0)
        get->deadline_ns = rv_now_ns() + ns_of(options->timeout_s);
    get->timeouts.connect_ns = ns_of(options->connect_timeout_s);
    get->timeouts.send_ns = ns_of(options->stall_s);
    get->timeouts.head_stall_ns = ns_of(options->stall_s);
    get->timeouts.body_ns = ns_of(options->stall_s);
    get->max_redirects = (uint32_t)options->max_redirects;
    get->head_only = options->head;
    get->client = fetch->keep ? &fetch->client : NULL;
    fetcher->tap.ops = &tap_ops;
    if (!options->head && (options->directory || fetch->total == 1))
        rv_http_get_into(get, &fetcher->tap);
    return error;
}

/* --- the task ---------------------------------------------------------- */

static enum rv_poll fetcher_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct fetcher *self = RV_CONTAINER_OF(future, struct fetcher, future);

    RV_BEGIN(future);
    while (next_url(self)) {
        self->get.future.result = init_get(self);
        if (self->get.future.result == 0)
            RV_AWAIT(future, cx, &self->get.future);
        settle(self);
        rv_drop(&self->get.future);
        close_tap(self);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void fetcher_drop(struct rv_future *future)
{
    struct fetcher *self = RV_CONTAINER_OF(future, struct fetcher, future);

    rv_drop(&self->get.future);
    close_tap(self);
    if (self->fetch && --self->fetch->fetchers == 0)
        rv_waker_wake(&self->fetch->waker);
    self->fetch = NULL;
}

static int add_fetcher(struct fetch *fetch, struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {
        .name = "fetcher", .poll = fetcher_poll, .drop = fetcher_drop};
    struct fetcher *fetcher = rv_alloc(sizeof *fetcher);
    int error;

    if (!fetcher)
        return -ENOMEM;
    rv_future_init(&fetcher->future, &ops);
    fetcher->fetch = fetch;
    error = rv_spawn(executor, &fetcher->future, NULL);
    if (error < 0)
        rv_free(fetcher);
    else
        fetch->fetchers++;
    return error;
}

int get_add_fetchers(struct fetch *fetch, struct rv_executor *executor)
{
    while (fetch->fetchers < fetch->fetchers_max) {
        const int error = add_fetcher(fetch, executor);

        /* One fetcher is enough to fetch all. */
        if (error < 0)
            return fetch->fetchers > 0 ? 0 : error;
    }
    return 0;
}
