/* SPDX-License-Identifier: MIT */
/*
 * coro.c - the life of a coroutine: new, resume, suspend, finished, free.
 *
 * Threads: a coroutine is used by one thread at a time. A thread that passes it
 * to another one must publish it, in the function that rv_coro_suspend_then()
 * calls. `rv_frames_running` is thread-local: the coroutine that runs there;
 * its `resumer` chain has those that wait for it to suspend.
 *
 * No function here accesses a thread-local variable after a switch: it may be
 * on another thread then, and the compiler may have kept the old address.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "coro/coro_internal.h"
#include "coro/fiber.h"
#include "coro/host.h"
#include "coro/overflow.h"

enum { MAX_STACK_BYTES = 1 << 30, MAX_DATA_BYTES = 1024 };

_Static_assert(offsetof(struct rv_coro, frames) == 0,
               "the frames that run are the coroutine");

static inline struct rv_coro *get_current(void)
{
    return (struct rv_coro *)(void *)rv_frames_running;
}

static inline void set_current(struct rv_coro *coro)
{
    rv_frames_running = (struct rv_frames *)(void *)coro;
}

/* --- birth and death --------------------------------------------------- */

/* The entry has returned. It is a function of its own because it may run on
 * another thread than the beginning. Returns: the stack to continue on. */
RV_CORO_UNINSTRUMENTED static void *leave(struct rv_coro *coro)
{
    coro->state = RV_CORO_FINISHED;
    set_current(coro->resumer);
    fiber_end(coro);
    return coro->resumer_sp;
}

/* The coroutine goes on after an error that was noted, with `result`. Nothing
 * thread-local is accessed after a switch: not inlined. */
static __attribute__((noinline)) void forget_note(struct rv_coro *coro,
                                                  int32_t result)
{
    coro->noted = false;
    rv_error_forget(result);
}

/* The first function on the stack. */
RV_CORO_UNINSTRUMENTED static void *coro_main(void *arg)
{
    struct rv_coro *coro = arg;

    fiber_arrive(coro);
    coro->result = coro->entry(coro->arg);
    if (coro->noted)
        forget_note(coro, coro->result);
    if (__builtin_expect(rv_frames_are_used(&coro->frames), false))
        rv_coro_end_used(coro);
    return leave(coro);
}

/* Lay out the coroutine and the host's data, from the top of the stack down. */
static struct rv_coro *lay_out(struct rv_stack *stack, size_t data_bytes)
{
    const size_t room_bytes = (data_bytes + 15) / 16 * 16;
    char *data = (char *)stack - room_bytes;
    struct rv_coro *coro = (struct rv_coro *)(void *)(data - sizeof *coro);

    for (size_t i = 0; i < room_bytes;
         i += 16) /* few: avoids a call of memset() */
        memset(data + i, 0, 16);
    *coro = (struct rv_coro){
        .frames = {.low = stack->low, .size_bytes = stack->size_bytes},
        .stack = stack,
        .data = data};
    return coro;
}

int rv_coro_new(struct rv_coro **out, rv_coro_entry entry, void *arg,
                const struct rv_coro_options *options)
{
    static const struct rv_coro_options none;
    const struct rv_coro_options *chosen = options ? options : &none;
    size_t stack_bytes = chosen->stack_bytes;
    struct rv_stack *stack;
    struct rv_coro *coro;

    if (stack_bytes > MAX_STACK_BYTES || chosen->data_bytes > MAX_DATA_BYTES)
        return -EINVAL;
    stack = rv_stack_new(stack_bytes ? stack_bytes : RV_CORO_STACK_BYTES);
    if (!stack)
        return -ENOMEM;
    coro = lay_out(stack, chosen->data_bytes);
    coro->host = chosen->host;
    coro->entry = entry;
    coro->arg = arg;
    rv_copy_text(coro->name, sizeof coro->name,
                 chosen->name ? chosen->name : "coroutine");
    coro->sp = rv_switch_prepare(stack->low, (char *)coro, coro_main, coro);
    fiber_new(coro);
    *out = coro;
    return 0;
}

void rv_coro_free(struct rv_coro *coro)
{
    RV_CHECK(coro->state != RV_CORO_RUNNING, "a coroutine is freed in itself");
    if (coro->state != RV_CORO_FINISHED && rv_frames_are_used(&coro->frames))
        rv_coro_end_used(coro);
    fiber_free(coro);
    rv_stack_free(coro->stack);
}

void rv_coro_trim(void)
{
    rv_stack_trim();
}

/* --- running ----------------------------------------------------------- */

RV_CORO_UNINSTRUMENTED bool rv_coro_resume_with(struct rv_coro *coro, int value)
{
    RV_CHECK(coro->state == RV_CORO_SUSPENDED,
             "a coroutine is resumed that runs or has finished");
    /* acquire: sees the key of overflow.c; pairs with the release in
     * install() there. */
    if (atomic_load_explicit(&rv_overflow_installed, memory_order_acquire) &&
        !rv_overflow_thread_is_ready)
        rv_overflow_prepare_thread();
    coro->state = RV_CORO_RUNNING;
    coro->resumer = get_current();
    set_current(coro);
    return fiber_switch_in(coro, value);
}

bool rv_coro_resume(struct rv_coro *coro)
{
    return rv_coro_resume_with(coro, 0);
}

RV_CORO_UNINSTRUMENTED void rv_coro_suspend(void)
{
    struct rv_coro *coro = get_current();

    RV_CHECK(coro && !coro->host, "only for a coroutine without a host");
    if (__builtin_expect(coro->noted, false))
        forget_note(coro, 0);
    coro->state = RV_CORO_SUSPENDED;
    set_current(coro->resumer);
    fiber_switch_out(coro);
}

RV_CORO_UNINSTRUMENTED int rv_coro_suspend_then(void (*then)(void *arg),
                                                void *arg)
{
    struct rv_coro *coro = get_current();

    RV_CHECK(coro, "there is no coroutine here");
    if (__builtin_expect(coro->noted, false))
        forget_note(coro, 0);
    coro->state = RV_CORO_SUSPENDED;
    set_current(coro->resumer);
    return then ? fiber_switch_out_then(coro, then, arg)
                : fiber_switch_out(coro);
}

/* --- queries ----------------------------------------------------------- */

__attribute__((noinline)) struct rv_coro *rv_coro_current(void)
{
    __asm__ volatile("" ::: "memory");
    return get_current();
}

bool rv_coro_finished(const struct rv_coro *coro)
{
    return coro->state == RV_CORO_FINISHED;
}

int32_t rv_coro_result(const struct rv_coro *coro)
{
    return coro->result;
}

const char *rv_coro_name(const struct rv_coro *coro)
{
    return coro->name;
}

size_t rv_coro_stack_bytes(const struct rv_coro *coro)
{
    return coro->stack->size_bytes;
}

void *rv_coro_data(struct rv_coro *coro)
{
    return coro->data;
}

/* --- the report of an overflow, in a signal handler --------------------- */

struct line {
    char text[256];
    size_t len;
};

static void add(struct line *line, const char *text)
{
    const size_t room = sizeof line->text - 1 - line->len; /* a newline */
    const size_t len = strnlen(text, room);

    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void add_number(struct line *line, size_t number)
{
    char digits[24];
    char *first = digits + sizeof digits - 1;

    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    add(line, first);
}

/* Returns: false if the address is not in the guard of the coroutine that runs
 * on this thread. */
static bool report_overflow(const char *address)
{
    const struct rv_coro *coro = rv_coro_current();
    struct line line = {.len = 0};

    if (!coro || address >= coro->stack->low ||
        address < coro->stack->low - rv_stack_guard_bytes())
        return false;
    add(&line, "reveil: coroutine ");
    add(&line, coro->name);
    add(&line, " overflowed its stack of ");
    add_number(&line, coro->stack->size_bytes);
    add(&line, " bytes");
    line.text[line.len++] = '\n';
    (void)!write(STDERR_FILENO, line.text, line.len);
    return true;
}

int rv_coro_report_overflow(void)
{
    return rv_overflow_install(report_overflow);
}

/* --- waiting ----------------------------------------------------------- */

int rv_await(struct rv_future *future)
{
    struct rv_coro *coro = rv_coro_current();

    RV_CHECK(coro && coro->host, "only for a coroutine that has a host");
    return coro->host->await(coro, future);
}

bool rv_coro_canceled(void)
{
    struct rv_coro *coro = rv_coro_current();

    return coro && coro->host && coro->host->canceled &&
           coro->host->canceled(coro);
}

int rv_coro_grace(int64_t deadline_ns)
{
    struct rv_coro *coro = rv_coro_current();

    if (!coro || !coro->host || !coro->host->grace)
        return -ECANCELED;
    return coro->host->grace(coro, deadline_ns);
}

int rv_coro_note(int error, const char *about)
{
    struct rv_coro *coro = rv_coro_current();
    const bool outside = rv_error_noted;

    rv_error_note(error, about);
    if (coro) {
        coro->noted = error != 0;
        rv_error_noted = outside;
    }
    return error;
}

bool rv_coro_moves(void)
{
    const struct rv_coro *coro = rv_coro_current();

    return coro && coro->host && coro->host->moves;
}
