/* SPDX-License-Identifier: MIT */
/*
 * end.c - a coroutine ends, and something in its frames is still in use.
 *
 * Threads: that of the coroutine.
 */
#include <link.h>
#include <stdio.h>

#include "coro/coro_internal.h"
#include "coro/host.h"

/* Where the code of a function is, for addr2line. Its address itself differs
 * from run to run. */
struct code {
    uintptr_t address;
    uintptr_t offset; /* in the object */
    const char *object;
};

/* Returns: 1, and the loop ends, if the object has the address. */
static int find_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct code *code = arg;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type != PT_LOAD ||
            code->address - start >= info->dlpi_phdr[i].p_memsz)
            continue;
        code->offset = code->address - info->dlpi_addr;
        if (info->dlpi_name[0]) /* the program itself has no name */
            code->object = info->dlpi_name;
        return 1;
    }
    return 0;
}

/* The function of a task of the scheduler is its name. */
static _Noreturn void report(const struct rv_coro *coro, const char *what)
{
    struct code code = {.address = (uintptr_t)coro->entry,
                        .object = program_invocation_name};
    char text[160];

    dl_iterate_phdr(find_object, &code);
    if (coro->host && coro->host->moves)
        snprintf(text, sizeof text, "%s", coro->name);
    else
        snprintf(text, sizeof text, "%s, addr2line -fe %s 0x%jx", coro->name,
                 code.object, (uintmax_t)code.offset);
    rv_panic(what, text);
}

/*
 * Handles that were dropped elsewhere are counted apart. One that is left leaks
 * the task until the scheduler stops, and nothing refers to it. So it is no
 * mistake of a canceled task, whose join may have failed: the detection of
 * deadlocks ends it with -ECANCELED.
 */
static bool has_handles(struct rv_coro *coro)
{
    /* relaxed: see rv_frames_give_back(). */
    const uint32_t given_back =
        atomic_load_explicit(&coro->frames.given_back, memory_order_relaxed);

    if (coro->frames.used[RV_FRAMES_HANDLES] == given_back)
        return false;
    return !coro->host || !coro->host->canceled || !coro->host->canceled(coro);
}

void rv_coro_end_used(struct rv_coro *coro)
{
    static const char *const texts[RV_FRAMES_KINDS] = {
        [RV_FRAMES_SLEEPS] = "a coroutine has ended before it dropped a sleep, "
                             "or what has one (rv_drop)",
        [RV_FRAMES_TIMERS] = "a coroutine has ended before it stopped a timer "
                             "(rv_timer_stop)",
        [RV_FRAMES_EMBEDDED] = "a coroutine has ended before a task in its "
                               "frame (rv_join_abort)",
        [RV_FRAMES_SCOPES] = "a coroutine has ended before its scope "
                             "(rv_scope_wait)",
        [RV_FRAMES_JOINS] = "a coroutine has ended before it dropped a join "
                            "(rv_drop)",
        [RV_FRAMES_WAITERS] = "a coroutine has ended before it dropped what "
                              "waits for a semaphore, a mutex or a notify "
                              "(rv_drop)",
        [RV_FRAMES_OPERATIONS] = "a coroutine has ended before it dropped an "
                                 "operation of a ring, a file or a pool "
                                 "(rv_drop)",
    };

    for (int kind = 0; kind < RV_FRAMES_KINDS; kind++)
        if (texts[kind] && coro->frames.used[kind])
            report(coro, texts[kind]);
    if (has_handles(coro))
        report(coro, "a coroutine has ended before it joined or dropped a task "
                     "(rv_go_join, rv_go_drop)");
}
