/* SPDX-License-Identifier: MIT */
/*
 * overflow.c - say whose stack it was, when a guard is touched.
 *
 * A handler of SIGSEGV cannot run on the stack that has overflowed, so each
 * thread that resumes a coroutine needs a signal stack: rv_overflow_ready()
 * gives it one, unless it has one, and takes it back when the thread ends.
 *
 * Threads: any. The handler runs in the thread that touched a guard, and looks
 * at the coroutine that runs there; it calls nothing that is not safe in a
 * signal handler.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "coro/coro_internal.h"

/* For the handler, whatever the processor saves (AVX-512, AMX), and whatever
 * the program's own handler wants, to which it may hand over. */
enum { SIGNAL_STACK_BYTES = 64 * 1024 };

_Atomic bool rv_overflow_reported;
_Thread_local bool rv_overflow_thread_is_ready
    __attribute__((tls_model("initial-exec")));

static pthread_mutex_t install_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static struct sigaction previous; /* written once, before the handler runs */

/* --- the handler ------------------------------------------------------- */

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

static void report(const struct rv_coro *coro)
{
    struct line line = {.len = 0};

    add(&line, "reveil: coroutine ");
    add(&line, coro->name);
    add(&line, " overflowed its stack of ");
    add_number(&line, coro->stack->size_bytes);
    add(&line, " bytes");
    line.text[line.len++] = '\n';
    (void)!write(STDERR_FILENO, line.text, line.len);
}

/* It is in the guard of the coroutine that runs here. */
static bool is_overflow(const struct rv_coro *coro, const char *address)
{
    return coro && address < coro->stack->low &&
           address >= coro->stack->low - rv_stack_guard_bytes();
}

/* The instruction is tried again when the handler returns, and this time the
 * kernel ends the program: with a core of the place where it happened. */
static void die_when_tried_again(void)
{
    signal(SIGSEGV, SIG_DFL);
}

/* Not ours: as if this handler were not there. */
static void hand_over(int number, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(number, info, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(number);
    else if (info->si_code > 0)
        die_when_tried_again();
    else if (previous.sa_handler == SIG_DFL) { /* sent by kill() */
        die_when_tried_again();
        raise(SIGSEGV);
    }
}

static void on_segv(int number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    const struct rv_coro *coro = rv_coro_current();

    if (info->si_code > 0 && is_overflow(coro, info->si_addr)) {
        report(coro);
        die_when_tried_again();
    } else {
        hand_over(number, info, context);
    }
    errno = saved_errno;
}

/* --- a signal stack for each thread ------------------------------------ */

static void end_thread(void *memory)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now;

    /* Whoever resumes one later, in another destructor, gets a new one. */
    rv_overflow_thread_is_ready = false;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == memory)
        sigaltstack(&none, NULL);
    munmap(memory, SIGNAL_STACK_BYTES);
}

void rv_overflow_ready(void)
{
    stack_t stack;

    rv_overflow_thread_is_ready = true;
    if (sigaltstack(NULL, &stack) < 0 || !(stack.ss_flags & SS_DISABLE))
        return;
    stack = (stack_t){.ss_size = SIGNAL_STACK_BYTES};
    stack.ss_sp = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return; /* the guard still stops the program, in silence */
    if (sigaltstack(&stack, NULL) < 0 ||
        pthread_setspecific(key, stack.ss_sp) != 0)
        end_thread(stack.ss_sp);
}

/* Under the mutex. Returns: 0, negative errno. */
static int install(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    int error;

    action.sa_sigaction = on_segv;
    sigemptyset(&action.sa_mask);
    error = -pthread_key_create(&key, end_thread);
    if (error)
        return error;
    if (sigaction(SIGSEGV, NULL, &previous) < 0 ||
        sigaction(SIGSEGV, &action, NULL) < 0) {
        error = -errno;
        pthread_key_delete(key);
        return error;
    }
    /* release: publishes `key`; pairs with the acquire in
     * rv_coro_resume_with(). */
    atomic_store_explicit(&rv_overflow_reported, true, memory_order_release);
    return 0;
}

int rv_coro_report_overflow(void)
{
    int error = 0;

    pthread_mutex_lock(&install_mutex);
    /* relaxed: it is written under the mutex. */
    if (!atomic_load_explicit(&rv_overflow_reported, memory_order_relaxed))
        error = install();
    pthread_mutex_unlock(&install_mutex);
    return error;
}
