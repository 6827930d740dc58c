/* SPDX-License-Identifier: MIT */
/* timeout_select.c - the first good response of several URLs, with a timeout:
 * timeout_select MILLISECONDS URL...
 *
 * A select is READY with the first of its children and drops the others, which
 * closes their connections. It is itself the child of a timeout. A GET that
 * fails must not win, so each is wrapped in a contender: one that fails stays
 * PENDING forever, unless it is the last. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { CONTENDERS_MAX = 16 };

struct contender {
    struct rv_future future;
    struct rv_http_get get;
    const char *url;
    uint32_t *left; /* contenders left, with this one */
};

struct race {
    struct contender contenders[CONTENDERS_MAX];
    struct rv_future *children[CONTENDERS_MAX];
    uint32_t left;
    struct rv_select select;
    struct rv_timeout timeout;
};

static enum rv_poll contender_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct contender *self = RV_CONTAINER_OF(future, struct contender, future);
    const int32_t *result = &self->get.future.result;

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->get.future);
    if (*result < 0) {
        fprintf(stderr, "%s: %s\n", self->url, rv_strerror(*result));
        --*self->left;
        /* Needs no waker: another contender or the timeout ends the race. */
        RV_AWAIT_UNTIL(future, *self->left == 0);
    }
    RV_RETURN(future, *result);
    RV_END(future);
}

static void contender_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct contender, future)->get.future);
}

/* Returns: 0; a negative errno: invalid URL, or out of memory. */
static int race_init(struct race *race, char **urls, uint32_t count, int64_t ms)
{
    static const struct rv_future_ops ops = {
        .name = "contender", .poll = contender_poll, .drop = contender_drop};
    int error = 0;

    for (uint32_t i = 0; i < count && !error; i++) {
        struct contender *contender = &race->contenders[i];

        rv_future_init(&contender->future, &ops);
        contender->url = urls[i];
        contender->left = &race->left;
        race->children[i] = &contender->future;
        error = rv_http_get_init(&contender->get, urls[i]);
        if (error)
            fprintf(stderr, "%s: %s\n", urls[i], rv_strerror(error));
    }
    race->left = count;
    rv_select_init(&race->select, race->children, count);
    rv_timeout_init(&race->timeout, &race->select.future, rv_after_ms(ms));
    return error;
}

static void race_drop(struct race *race)
{
    rv_drop(&race->timeout.future);
    for (uint32_t i = 0; i < CONTENDERS_MAX; i++)
        rv_drop(&race->contenders[i].future);
}

/* Returns: the exit status. */
static int tell(const struct race *race, int result)
{
    const struct contender *first = &race->contenders[result < 0 ? 0 : result];

    if (result == -ETIMEDOUT) {
        fprintf(stderr, "timeout_select: no answer in time\n");
        return 1;
    }
    if (result < 0 || first->get.future.result < 0) {
        fprintf(stderr, "timeout_select: no answer\n");
        return 1;
    }
    printf("%s: %d\n", first->url, first->get.status);
    /* No %s: there may be any byte in it. */
    fwrite(first->get.body, 1, first->get.body_len_bytes, stdout);
    putchar('\n');
    return 0;
}

static bool parse_ms(const char *text, int64_t *ms)
{
    char *end;

    *ms = strtol(text, &end, 10);
    return end != text && *end == '\0' && *ms >= 0;
}

static int usage(FILE *where, int status)
{
    fprintf(where, "usage: timeout_select MILLISECONDS URL... (at most %d)\n",
            CONTENDERS_MAX);
    return status;
}

int main(int argc, char **argv)
{
    struct race race = {.left = 0};
    struct rv_runtime *runtime;
    int status = 1;
    int64_t ms;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc < 3 || argc > 2 + CONTENDERS_MAX || !parse_ms(argv[1], &ms))
        return usage(stderr, 2);
    error = rv_runtime_start(&runtime);
    if (error) {
        fprintf(stderr, "timeout_select: %s\n", rv_strerror(error));
        return 1;
    }
    if (race_init(&race, argv + 2, (uint32_t)argc - 2, ms) == 0)
        status =
            tell(&race, rv_runtime_block_on(runtime, &race.timeout.future));
    race_drop(&race);
    rv_runtime_stop(runtime);
    return status;
}
