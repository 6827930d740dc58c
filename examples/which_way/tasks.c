/* SPDX-License-Identifier: MIT */
/* tasks.c - one task sends five numbers, another adds them up: tasks of the
 * scheduler, on all cores. See docs/which-way.md. */
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
    struct rv_go sender;
    int number, sum = 0;
    int error = rv_spsc_new(&out, &in, sizeof(int), 1, NULL);

    (void)arg;
    if (error)
        return error;
    error = rv_go(&sender, send_numbers, out);
    if (error)
        rv_spsc_sender_close(out);
    while (rv_spsc_recv(in, &number, RV_NEVER) == 0)
        sum += number;
    rv_spsc_receiver_close(in);
    if (!error)
        error = rv_go_join(&sender);
    return error ? error : sum;
}

int main(void)
{
    struct rv_sched *sched;
    int sum = rv_sched_start(&sched, NULL);

    if (sum == 0) {
        sum = rv_sched_run(sched, add_up, NULL);
        rv_sched_stop(sched);
    }
    if (sum >= 0 && (printf("%d\n", sum) < 0 || fflush(stdout) != 0))
        sum = -errno;
    return rv_exit_status("which_way", sum);
}
