/* SPDX-License-Identifier: MIT */
/*
 * user.c - the program of a user's project: a task that sleeps.
 */
#include <reveil/reveil.h>
#include <stdio.h>

int main(void)
{
    struct rv_runtime *runtime;
    struct rv_sleep nap;
    int result;

    if (rv_runtime_start(&runtime) != 0)
        return 1;
    rv_sleep_init(&nap, rv_after_ms(1));
    result = rv_runtime_block_on(runtime, &nap.future);
    rv_drop(&nap.future);
    rv_runtime_stop(runtime);
    printf("reveil %s: %d\n", rv_version(), result);
    return result != 0;
}
