/* SPDX-License-Identifier: MIT */
/* timers_libuv.c - timers.c with libuv: bare timers, without tasks. */
#include <stdlib.h>
#include <uv.h>

#include "../bench.h"

enum { WARM_UP = 1000, NS_PER_MS = 1000000 };

static struct bench_lateness lateness;

struct sleeper {
    uv_timer_t timer;
    int64_t deadline_ns;
};

static void on_close(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_timer(uv_timer_t *timer)
{
    const struct sleeper *sleeper = timer->data;

    bench_add_lateness(&lateness, sleeper->deadline_ns);
    uv_close((uv_handle_t *)timer, on_close);
}

static void start_sleeper(uv_loop_t *loop, int64_t delay_ms)
{
    struct sleeper *sleeper = malloc(sizeof *sleeper);

    bench_check(sleeper ? 0 : -1, "memory");
    uv_timer_init(loop, &sleeper->timer);
    sleeper->timer.data = sleeper;
    sleeper->deadline_ns = bench_now_ns() + delay_ms * NS_PER_MS;
    uv_update_time(loop);
    uv_timer_start(&sleeper->timer, on_timer, (uint64_t)delay_ms, 0);
}

static void work(int64_t ops)
{
    uv_loop_t *loop = uv_default_loop();

    lateness = (struct bench_lateness){0};
    for (int64_t i = 0; i < ops; i++)
        start_sleeper(loop, bench_delay_ms(i));
    uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct bench_span span;

    work(WARM_UP);
    bench_start(&span);
    work(ops);
    bench_stop(&span);
    bench_print_timers(&span, ops, &lateness);
    return 0;
}
