/* SPDX-License-Identifier: MIT */
/* coroutines.c - one task sends five numbers, another adds them up: coroutines
 * on an executor. See docs/which-way.md. */
#include <reveil/reveil.h>
#include <stdio.h>

enum { LAST = 5 };

static int32_t send_numbers(void *arg)
{
    struct rv_spsc_sender *out = arg;

    for (int number = 1; number <= LAST; number++) {
        if (rv_coro_sleep_until(rv_after_ms(1)) < 0)
            break;
        if (rv_spsc_send(out, &number, RV_NEVER) < 0)
            break;
    }
    rv_spsc_sender_close(out);
    return 0;
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
        rv_await_and_drop(&sender.future, RV_NEVER);
    return error ? error : sum;
}

int main(void)
{
    const int sum = rv_run(add_up, NULL);

    printf("%d\n", sum);
    return sum < 0;
}
