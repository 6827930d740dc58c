/* SPDX-License-Identifier: MIT */
/*
 * backtrace.c - a coroutine that stops in the debugger.
 *
 * Threads: one.
 */
#include <reveil/coro.h>
#include <stdio.h>

/* test_tools sets its breakpoint here. */
__attribute__((noinline)) void stop_here(void);

void stop_here(void)
{
    __asm__ volatile("" ::: "memory");
}

static int32_t innermost(void *arg)
{
    stop_here();
    rv_coro_suspend();
    stop_here();
    return arg != NULL;
}

int main(void)
{
    struct rv_coro *coro;

    if (rv_coro_new(&coro, innermost, NULL, NULL) < 0)
        return 1;
    while (!rv_coro_resume(coro))
        ;
    rv_coro_free(coro);
    puts("over");
    return 0;
}
