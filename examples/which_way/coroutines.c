/* SPDX-License-Identifier: MIT */
/* coroutines.c - one task sends five numbers, another adds them up: coroutines
 * on an executor. See docs/which-way.md. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>

enum { LAST = 5 };

static int32_t send_numbers(void *arg)
{
    struct rv_spsc_sender *out = arg;
    int error = 0;

    for (int number = 1; number <= LAST && !error; number++) {
        error = rv_coro_sleep_until(rv_after_ms(1));
        if (!error)
            error = rv_spsc_send(out, &number, RV_NEVER);
    }
    rv_spsc_sender_close(out);
    return error;
}

static int32_t add_up(void *arg)
{
    struct rv_spsc_sender *out;
    struct rv_spsc_receiver *in;
    struct rv_join sender = {0};
    int number, sum = 0;
    int error = rv_spsc_new(&out, &in, sizeof(int), 1, NULL);

    (void)arg;
    if (error)
        return error;
    error =
        rv_coro_spawn(rv_executor_current(), send_numbers, out, NULL, &sender);
    if (error)
        rv_spsc_sender_close(out);
    while (rv_spsc_recv(in, &number, RV_NEVER) == 0)
        sum += number;
    rv_spsc_receiver_close(in);
    if (!error)
        error = rv_await_and_drop(&sender.future, RV_NEVER);
    return error ? error : sum;
}

int main(void)
{
    int sum = rv_run(add_up, NULL);

    if (sum >= 0 && (printf("%d\n", sum) < 0 || fflush(stdout) != 0))
        sum = -errno;
    return rv_exit_status("which_way", sum);
}
