/* SPDX-License-Identifier: MIT */
/* parallel_gets.c - fetch URLs concurrently, with a deadline for all:
 * parallel_gets MILLISECONDS URL...
 *
 * Each GET is a task of a scope, and the scope is the child of a timeout: at
 * the deadline, the GETs that are not finished are canceled. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

struct fetch {
    struct rv_future future;
    struct rv_http_get get;
    const char *url;
};

static enum rv_poll fetch_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct fetch *self = RV_CONTAINER_OF(future, struct fetch, future);
    const int32_t *result = &self->get.future.result;

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->get.future);
    if (*result < 0)
        printf("%s: %s\n", self->url, rv_strerror(*result));
    else
        printf("%s: %d, %zu bytes\n", self->url, self->get.status,
               self->get.body_len_bytes);
    RV_RETURN(future, *result);
    RV_END(future);
}

static void fetch_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct fetch, future)->get.future);
}

/* Spawn a task for one URL. Returns: 0, negative errno. */
static int add_fetch(struct rv_scope *scope, const char *url)
{
    static const struct rv_future_ops ops = {
        .name = "fetch", .poll = fetch_poll, .drop = fetch_drop};
    struct fetch *fetch = rv_alloc(sizeof *fetch);
    int error;

    if (!fetch)
        return -ENOMEM;
    rv_future_init(&fetch->future, &ops);
    fetch->url = url;
    error = rv_http_get_init(&fetch->get, url);
    if (!error)
        error = rv_scope_spawn(scope, &fetch->future);
    if (error) {
        rv_drop(&fetch->future);
        rv_free(fetch);
    }
    return error;
}

static int fetch_all(struct rv_runtime *runtime, int64_t ms, char **urls)
{
    struct rv_timeout timeout = {.child = NULL};
    struct rv_scope scope;
    int error = 0;

    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (; *urls && !error; urls++)
        error = add_fetch(&scope, *urls);
    if (!error) {
        rv_timeout_init(&timeout, &scope.future, rv_after_ms(ms));
        error = rv_runtime_block_on(runtime, &timeout.future);
        rv_drop(&timeout.future);
    }
    rv_drop(&scope.future);
    return error;
}

static bool parse_ms(const char *text, int64_t *ms)
{
    char *end;

    *ms = strtol(text, &end, 10);
    return end != text && *end == '\0' && *ms >= 0;
}

static int usage(FILE *where, int status)
{
    fputs("usage: parallel_gets MILLISECONDS URL...\n", where);
    return status;
}

int main(int argc, char **argv)
{
    struct rv_runtime *runtime;
    int64_t ms;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc < 3 || !parse_ms(argv[1], &ms))
        return usage(stderr, 2);
    error = rv_runtime_start(&runtime);
    if (!error) {
        error = fetch_all(runtime, ms, argv + 2);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "parallel_gets: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
