/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 12: what the probe lines stand for, and threads of the
 * checker's own, started by the learner's assembly. It is compiled after the
 * learner's program, into one file.
 *
 * The checker's threads begin in assembly, so that rsp and rdi are seen as RET
 * and POP have left them. A thread has ended when the kernel knows its id no
 * longer, and its stack is gone when mincore() says so.
 */
#undef errno
#define errno (*__errno_location())
#undef printf
#undef fprintf
#undef dprintf
#undef snprintf
#undef puts
#undef putchar
#undef fputs
#undef perror
#undef lesson_log
#undef lesson_logf
#undef malloc
#undef calloc
#undef free
#undef read
#undef write
#undef close
#undef syscall
#undef exit
#undef _exit
#undef usleep
#undef sys3
#undef thread_clone
#undef stack_prepare
#undef thread_end
#undef bare_main

#include <poll.h>
#include <stdint.h>

/* Of [stacks] and [frames] in expect.toml. */
enum { PROBE_OF_MAIN = 1, PROBE_OF_BARE = 2 };
enum {
    PROBE_FRAME_RETURN = 1,
    PROBE_FRAME_SAVED_RDI,
    PROBE_FRAME_COPY,
    PROBE_FRAME_ENTER,
    PROBE_FRAME_POINTER,
    PROBE_FRAME_BODY
};
enum { PROBE_SAID_CLONE = 1, PROBE_SAID_BEGIN, PROBE_SAID_UNMAP };

/* --- stacks --------------------------------------------------------------- */

enum { PROBE_STACKS = 32, PROBE_BARE_THREADS = 8 /* see probe.h */ };

static struct {
    char *low; /* where it may be used: above the guard page */
    char *high;
    int has_ended; /* its read has given 0, or an error */
    int ends_of_main[2];
    atomic_long reads_into; /* this address */
    uint64_t has_closed;    /* these descriptors, a bit each */
    bool ends;              /* thread_end() was called */
} probe_stacks[PROBE_STACKS];

static int probe_stack_count;

static void probe_new_stack(char *stack, size_t size, size_t guard)
{
    char name[16] = "bare";

    probe_figure_add("clones", 0);
    probe_figure_add("bare_calls", 0);
    if (probe_stack_count == PROBE_STACKS)
        return;
    if (probe_stack_count)
        snprintf(name, sizeof(name), "bare %d", probe_stack_count + 1);
    probe_stacks[probe_stack_count].low = stack + guard;
    probe_stacks[probe_stack_count].high = stack + size;
    probe_stack_count++;
    /* Its first instructions are its own, and a crash there as well. */
    if (probe_stack_count <= PROBE_BARE_THREADS)
        probe_stack_of_thread(name, stack + guard, size - guard);
    else
        probe_stack(name, stack + guard, size - guard);
}

/* The number of the stack that this address is in, or -1. A stack that was
 * unmapped may be there again: the newest counts. */
static int probe_stack_of(const void *address)
{
    const char *at = address;

    for (int i = probe_stack_count - 1; i >= 0; i--)
        if (at >= probe_stacks[i].low && at < probe_stacks[i].high)
            return i;
    return -1;
}

#define PROBE_ON_BARE_THREAD (probe_stack_of(__builtin_frame_address(0)) >= 0)

/* Before each call of the C library in the learner's code. */
static void probe_called(const char *what)
{
    probe_expect(!PROBE_ON_BARE_THREAD, "LIBC ON A BARE THREAD", what, 0, 0, 0);
}

/* A job of one bare thread and a job of another are not in the same place. */
static void probe_expect_own(int here, long address)
{
    atomic_store(&probe_stacks[here].reads_into, address);
    for (int i = 0; i < probe_stack_count; i++)
        probe_expect(i == here || probe_stacks[i].has_ended ||
                         atomic_load(&probe_stacks[i].reads_into) != address,
                     "SHARED STATE @12.5", "numbers", 0, 0, 0);
}

/* This thread has not closed it before. */
static void probe_expect_open(int here, long fd)
{
    const uint64_t bit = fd >= 0 && fd < 64 ? UINT64_C(1) << fd : 0;

    probe_expect(!(probe_stacks[here].has_closed & bit), "CLOSED TWICE",
                 "by itself", fd, 0, 0);
    probe_stacks[here].has_closed |= bit;
}

static long probe_sys3(long number, long a, long b, long c)
{
    const int here = probe_stack_of(__builtin_frame_address(0));
    long result;

    /* Before the call: after the last one main may already be at its end. */
    if (here >= 0)
        probe_figure_add("bare_calls", 1);
    probe_expect(here < 0 || number != SYS_exit_group, "ENDED EARLY @12.5",
                 "process", 0, 0, 0);
    if (here >= 0 && number == SYS_read)
        probe_expect_own(here, b);
    if (here >= 0 && number == SYS_close)
        probe_expect_open(here, a);
    probe_expect(here < 0 || number != SYS_munmap || probe_stacks[here].ends ||
                     a > (long)&result || a + b <= (long)&result,
                 "STACK GONE @12.5", "in C", 0, 0, 0);
    result = sys3(number, a, b, c);
    if (here < 0)
        return result;
    probe_expect(number != SYS_close || result != -EBADF ||
                     (a != probe_stacks[here].ends_of_main[0] &&
                      a != probe_stacks[here].ends_of_main[1]),
                 "CLOSED TWICE", "fd", a, 0, 0);
    probe_expect(number == SYS_close || probe_stacks[here].has_ended == 0,
                 "NEVER STOPS", "after end", number, 0, 0);
    if (number == SYS_read && result <= 0 && result != -EINTR)
        probe_stacks[here].has_ended = 1;
    if (number == SYS_read && result == 0)
        probe_if_stuck("NEVER STOPS", "results open", 0, 0, 0);
    if (number == SYS_read)
        probe_event(PROBE_READ, -1, -1, result);
    if (number == SYS_write)
        probe_event(PROBE_WRITE, -1, -1, result);
    return result;
}

/* A system call of the checker's own: without errno. */
static long probe_raw3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

static bool probe_is_alive(long id)
{
    return probe_raw3(SYS_tgkill, getpid(), id, 0) == 0;
}

/* --- the start of a thread, as the learner's code does it ---------------- */

static void *probe_stack_prepare(char *stack, size_t size,
                                 void (*enter)(void *), const void *args,
                                 size_t length)
{
    char *top = stack_prepare(stack, size, enter, args, length);
    const long room = stack + size - top;

    probe_expect(top >= stack && top <= stack + size, "OUTSIDE THE STACK",
                 "elsewhere", room - (long)size, 0, 0);
    probe_expect(top >= stack + size / 2, "OUTSIDE THE STACK", "low",
                 top - stack, (long)size, 0);
    probe_expect(room >= 16, "OUTSIDE THE STACK", "high", room, 0, 0);
    if (((long *)(void *)top)[1]) {
        probe_event(PROBE_FRAME, PROBE_OF_BARE, PROBE_FRAME_COPY, (long)length);
        probe_event(PROBE_FRAME, PROBE_OF_BARE, PROBE_FRAME_ENTER, 8);
        probe_event(PROBE_FRAME, PROBE_OF_BARE, PROBE_FRAME_POINTER, 8);
    }
    return top;
}

static long probe_thread_clone(long flags, void *pointer)
{
    long id;

    probe_figure_add("clones", 1);
    probe_event(PROBE_STACK, PROBE_OF_MAIN, -1, 0);
    probe_event(PROBE_FRAME, PROBE_OF_MAIN, PROBE_FRAME_RETURN, 8);
    probe_event(PROBE_FRAME, PROBE_OF_MAIN, PROBE_FRAME_SAVED_RDI, 8);
    probe_event(PROBE_NOTE, -1, PROBE_SAID_CLONE, 0);
    probe_if_stuck("NO REPLY", "asleep", 0, 0, 0);
    id = thread_clone(flags, pointer);
    /* The number of clone() is still in rax: the processor made no call. */
    probe_expect(id != SYS_clone || probe_is_alive(id), "NO THREAD", "no call",
                 id, 0, 0);
    probe_event(PROBE_FRAME, PROBE_OF_MAIN, -1, 0);
    probe_event(PROBE_FRAME, PROBE_OF_MAIN, -1, 0);
    return id;
}

/* main has read this for that job. */
static void probe_answer(four numbers, four squares, long n)
{
    const four wanted = numbers * numbers;

    probe_expect(n == 16, "TRUNCATED", "result", n, 16, 0);
    for (int i = 0; i < 4; i++)
        probe_expect(squares[i] == wanted[i], "WRONG RESULT", "square",
                     numbers[i], squares[i], wanted[i]);
}

static void probe_bare_main(void *args)
{
    /* Compiled code moves 16 bytes at once where it likes: here it does. */
    volatile four moved = {0};
    const struct bare_thread *self = args;
    const int stack = probe_stack_of(args);

    (void)moved;
    probe_bare_thread("bare");
    probe_event(PROBE_NOTE, -1, PROBE_SAID_BEGIN, 0);
    probe_event(PROBE_STACK, PROBE_OF_BARE, -1, 0);
    probe_event(PROBE_FRAME, PROBE_OF_BARE, -1, 0);
    probe_event(PROBE_FRAME, PROBE_OF_BARE, -1, 0);
    probe_event(PROBE_FRAME, PROBE_OF_BARE, PROBE_FRAME_BODY, 0);
    probe_expect(stack >= 0 && stack == probe_stack_of(&self), "WRONG ARGUMENT",
                 "elsewhere", (long)args, 0, 0);
    probe_expect(self->size == STACK_BYTES &&
                     self->stack == probe_stacks[stack].low - GUARD_BYTES,
                 "WRONG ARGUMENT", "differs", 0, 0, 0);
    probe_stacks[stack].ends_of_main[0] = self->jobs[1];
    probe_stacks[stack].ends_of_main[1] = self->results[0];
    bare_main(args);
    probe_fail("WRONG RETURN ADDRESS: nobody to return to", "returned", 0, 0,
               0);
}

static _Noreturn void probe_thread_end(void *stack, size_t size)
{
    const int here = probe_stack_of(__builtin_frame_address(0));

    if (here >= 0)
        probe_stacks[here].ends = true;
    probe_event(PROBE_NOTE, -1, PROBE_SAID_UNMAP, 0);
    thread_end(stack, size);
}

/* --- waiting for the end of a thread ------------------------------------- */

static bool probe_is_there(const char *address)
{
    unsigned char pages;

    return mincore((void *)((uintptr_t)address & -4096UL), 1, &pages) == 0;
}

/* Of a stack of ours. */
static long probe_kib_left(const char *stack)
{
    long kib = 0;

    for (int at = 0; at < STACK_BYTES; at += 4096)
        kib += probe_is_there(stack + at) ? 4 : 0;
    return kib;
}

/* Wait until the kernel does not know this thread any more. */
static void probe_wait_for_end(long id)
{
    probe_if_stuck("NEVER STOPS", "thread", id, 0, 0);
    while (probe_is_alive(id))
        probe_raw3(SYS_poll, 0, 0, 1);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
}

/* main of the lesson ends the process as soon as the results are closed, and
 * what the bare thread does last would be seen in some runs only. */
static void probe_let_end(long id)
{
    for (int ms = 0; ms < 1000 && probe_is_alive(id); ms++)
        probe_raw3(SYS_poll, 0, 0, 1);
}

static long probe_start(void (*enter)(void *), const void *args, size_t length,
                        char *stack)
{
    const long id = thread_start(stack, enter, args, length);

    probe_expect(id > 0, "NO THREAD", "result", id, 0, 0);
    probe_expect(id != getpid(), "NO THREAD", "same", id, 0, 0);
    return id;
}

/* --- 12.1: one system call ----------------------------------------------- */

PROBE_CASE(call)
{
    const long far = 5L << 30;
    const int file = memfd_create("far", MFD_CLOEXEC);
    char text[4] = "";
    int ends[2];
    long result;

    if (file < 0 || pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        abort();
    result = sys3(SYS_write, ends[1], (long)"abc", 3);
    probe_expect(result == 3 && read(ends[0], text, 4) == 3 &&
                     memcmp(text, "abc", 3) == 0,
                 "WRONG SYSTEM CALL", "write", result, 0, 0);
    result = sys3(SYS_lseek, file, far, SEEK_SET);
    probe_expect(result == far, "WRONG SYSTEM CALL", "result", result, far, 0);

    errno = EXDEV; /* which none of the calls can give */
    result = sys3(SYS_close, -1, 0, 0);
    probe_expect(errno == EXDEV, "LIBC ON A BARE THREAD", "changed", errno,
                 EXDEV, 0);
    probe_expect(result == -EBADF, "WRONG SYSTEM CALL", "error", result, -EBADF,
                 0);
}

/*
 * The same, compiled with -O2: the compiler believes what the asm statement
 * says of itself, and not a word more. Without optimisation each variable is in
 * memory, and whatever is left unsaid does no harm.
 */

/* Twelve values that live over a call, more than there are registers that a
 * function keeps. */
__attribute__((noinline)) static long probe_keep_over_call(const long *x)
{
    long a = x[0], b = x[1], c = x[2], d = x[3], e = x[4], f = x[5];
    long g = x[6], h = x[7], i = x[8], j = x[9], k = x[10], l = x[11];

    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    __asm__ volatile("" : "+r"(e), "+r"(f), "+r"(g), "+r"(h));
    sys3(SYS_close, -1, 0, 0);
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i +
           10 * j + 11 * k + 12 * l;
}

/* Nobody looks at the results. */
__attribute__((noinline)) static void probe_write_bytes(long fd, int count)
{
    for (int i = 0; i < count; i++)
        sys3(SYS_write, fd, (long)"x", 1);
}

/* Nobody else has the address of these variables. */
__attribute__((noinline)) static int probe_read_int(long fd)
{
    int value = 7;

    sys3(SYS_read, fd, (long)&value, sizeof(value));
    return value;
}

__attribute__((noinline)) static void probe_write_int(long fd, int *box)
{
    *box = 42;
    sys3(SYS_write, fd, (long)box, sizeof(*box));
    *box = 7;
}

/* Twice the same call: rax holds its number, unless the statement says that it
 * has changed it. */
__attribute__((noinline)) static bool probe_write_twice(long number, long fd)
{
    const long first = sys3(number, fd, (long)"abc", 1);
    const long second = sys3(number, fd, (long)"abc", 2);

    return first == 1 && second == 2 && number == SYS_write;
}

PROBE_CASE(optimised)
{
    const long values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    char text[8];
    int ends[2], box = 42, number = 0;
    ssize_t n;

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        abort();
    probe_expect(probe_keep_over_call(values) == 650, "REGISTER LOST @12.1",
                 "clobbers", 0, 0, 0);
    probe_write_bytes(ends[1], 5);
    n = read(ends[0], text, sizeof(text));
    probe_expect(n == 5, "WRONG SYSTEM CALL", "left out", n < 0 ? 0 : (long)n,
                 5, 0);
    if (write(ends[1], &box, sizeof(box)) != sizeof(box))
        abort();
    number = probe_read_int(ends[0]);
    probe_expect(number == 42, "WRONG SYSTEM CALL", "memory read", number, 42,
                 0);
    box = 0;
    probe_write_int(ends[1], &box);
    n = read(ends[0], &number, sizeof(number));
    probe_expect(n == sizeof(number) && number == 42, "WRONG SYSTEM CALL",
                 "memory written", number, 42, 0);
    probe_expect(probe_write_twice(SYS_write, ends[1]), "WRONG SYSTEM CALL",
                 "twice", 0, 0, 0);
}

/* --- 12.2: the parent's side of clone() ---------------------------------- */

/* Calls thread_clone() with a pattern in the registers that a function has to
 * keep. Returns: its result; *lost: how many have changed. */
long probe_with_pattern(long flags, void *pointer, long *lost);

__asm__(".local probe_pattern_rsp\n"
        ".comm probe_pattern_rsp, 8, 8\n"
        ".text\n"
        ".globl probe_with_pattern\n"
        "probe_with_pattern:\n"
        "    push %rbx\n"
        "    push %rbp\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    push %rdx\n"
        "    mov %rsp, probe_pattern_rsp(%rip)\n"
        "    mov %rsp, %rbp\n"
        "    mov $0x1111, %ebx\n"
        "    mov $0x2222, %r12d\n"
        "    mov $0x3333, %r13d\n"
        "    mov $0x4444, %r14d\n"
        "    mov $0x5555, %r15d\n"
        "    call thread_clone\n"
        "    xor %ecx, %ecx\n"
        "    xor %edx, %edx\n"
        "    cmp $0x1111, %rbx\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    cmp $0x2222, %r12\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    cmp $0x3333, %r13\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    cmp $0x4444, %r14\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    cmp $0x5555, %r15\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    cmp probe_pattern_rsp(%rip), %rbp\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    cmp probe_pattern_rsp(%rip), %rsp\n"
        "    setne %dl\n"
        "    add %rdx, %rcx\n"
        "    mov probe_pattern_rsp(%rip), %rsp\n"
        "    pop %rdx\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbp\n"
        "    pop %rbx\n"
        "    mov %rcx, (%rdx)\n"
        "    ret\n");

/* Flags that the kernel refuses: no child, the parent goes on with its
 * registers. */
PROBE_CASE(refused)
{
    long lost = 0;
    const long result =
        probe_with_pattern(CLONE_THREAD, stack_new() + 8192, &lost);

    probe_expect(lost == 0, "REGISTER LOST", "clone", lost, 0, 0);
    probe_expect(result == -EINVAL, "WRONG SYSTEM CALL", "refused", result,
                 -EINVAL, 0);
}

/* --- 12.3: what a new thread finds --------------------------------------- */

/* The checker's first function of a thread: keeps rsp and rdi, uses 512 bytes
 * of its stack, and ends. It is entered as a C function is. */
void probe_enter_and_look(void *args);
long probe_seen_rsp, probe_seen_rdi, probe_seen_at;

__asm__(".text\n"
        ".globl probe_enter_and_look\n"
        "probe_enter_and_look:\n"
        "    mov %rsp, probe_seen_rsp(%rip)\n"
        "    mov %rdi, probe_seen_rdi(%rip)\n"
        "    mov $64, %ecx\n"
        "1:  push $-1\n"
        "    dec %ecx\n"
        "    jnz 1b\n"
        "    movq $1, probe_seen_at(%rip)\n"
        "    mov $60, %eax\n"
        "    xor %edi, %edi\n"
        "    syscall\n");

/* 12.2 alone: the checker prepares the stack. POP takes the first word, RET the
 * second one; whoever takes more or less is seen by rsp. */
PROBE_CASE(child)
{
    char *stack = stack_new();
    void **words = (void **)(void *)(stack + STACK_BYTES) - 64;
    long id, taken;

    words[0] = stack;
    for (int i = 1; i < 64; i++)
        words[i] = (void *)probe_enter_and_look;
    probe_seen_at = 0;
    id = thread_clone(THREAD_FLAGS, words);
    probe_expect(id > 0 && id != getpid(), "NO THREAD", "result", id, 0, 0);
    probe_wait_for_end(id);
    probe_expect(probe_seen_at == 1, "NO THREAD", "elsewhere", 0, 0, 0);
    taken = (probe_seen_rsp - (long)words) / 8;
    probe_expect(taken == 2, "WRONG RETURN ADDRESS", "taken", taken, 0, 0);
    probe_expect(probe_seen_rdi == (long)stack, "WRONG ARGUMENT @12.2", "pop",
                 probe_seen_rdi, (long)stack, 0);
    munmap(stack, STACK_BYTES);
}

static void probe_look_at_entry(size_t length)
{
    char *stack = stack_new();
    const int number = probe_stack_of(stack + STACK_BYTES - 1);
    unsigned char args[64], copy[64];
    long rest;

    for (size_t i = 0; i < length; i++)
        args[i] = copy[i] = (unsigned char)probe_random(256);
    probe_seen_at = 0;
    probe_wait_for_end(probe_start(probe_enter_and_look, args, length, stack));
    probe_expect(probe_seen_at == 1, "NO THREAD", "elsewhere", 0, 0, 0);
    rest = probe_seen_rsp % 16;
    probe_expect(rest == 8, "STACK NOT ALIGNED", "entry", rest, (long)length,
                 probe_seen_rsp);
    probe_expect(probe_stack_of((void *)probe_seen_rsp) == number,
                 "OUTSIDE THE STACK", "elsewhere", probe_seen_rsp - (long)stack,
                 0, 0);
    probe_expect(probe_stack_of((void *)probe_seen_rdi) == number &&
                     probe_seen_rdi + (long)length <= (long)stack + STACK_BYTES,
                 "WRONG ARGUMENT", "elsewhere", probe_seen_rdi, 0, 0);
    probe_expect(probe_seen_rdi >= probe_seen_rsp, "WRONG ARGUMENT", "below",
                 probe_seen_rsp - probe_seen_rdi, 0, 0);
    memset(args, 0, sizeof(args)); /* a copy is a copy */
    probe_expect(memcmp((void *)probe_seen_rdi, copy, length) == 0,
                 "WRONG ARGUMENT", "content", (long)length, 0, 0);
    munmap(stack, STACK_BYTES);
}

PROBE_CASE(entry)
{
    static const size_t lengths[] = {32, 24, 8, 40, 16, 64};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
        probe_look_at_entry(lengths[i]);
}

/* --- 12.4: the end of a thread ------------------------------------------- */

static void probe_end_at_once(void *args)
{
    const struct bare_thread *self = args;

    probe_bare_thread("bare");
    probe_thread_end(self->stack, self->size);
}

PROBE_CASE(end)
{
    const struct bare_thread self = {.stack = stack_new(), .size = STACK_BYTES};
    char *stack = self.stack;

    probe_wait_for_end(
        probe_start(probe_end_at_once, &self, sizeof(self), self.stack));
    probe_expect(probe_kib_left(stack) == 0, "STACK LEFT BEHIND", "mapped",
                 probe_kib_left(stack), 0, 0);
}

/* --- 12.5: the bare thread ------------------------------------------------ */

struct probe_running {
    struct bare_thread bare;
    long id;
};

static struct probe_running probe_run_bare(void)
{
    struct probe_running one = {
        .bare = {.stack = stack_new(), .size = STACK_BYTES}};

    if (pipe2(one.bare.jobs, O_CLOEXEC) < 0 ||
        pipe2(one.bare.results, O_CLOEXEC) < 0)
        abort();
    one.id = probe_start(probe_bare_main, &one.bare, sizeof(one.bare),
                         one.bare.stack);
    return one;
}

static void probe_send_job(const struct probe_running *one, four numbers)
{
    probe_quiet(true);
    if (write(one->bare.jobs[1], &numbers, 16) != 16)
        abort();
    probe_quiet(false);
}

static void probe_take_result(const struct probe_running *one, four numbers,
                              int job)
{
    const four wanted = numbers * numbers;
    four got = {0};
    ssize_t n;

    probe_if_stuck("NO REPLY", "job", job, 0, 0);
    n = read(one->bare.results[0], &got, 16);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    probe_expect(n != 0, "NO REPLY", "closed", job, 0, 0);
    probe_expect(n == 16, "TRUNCATED", "result", n, 16, job);
    for (int i = 0; i < 4; i++)
        probe_expect(got[i] == wanted[i], "WRONG RESULT", "square", numbers[i],
                     got[i], wanted[i]);
}

static void probe_end_bare(const struct probe_running *one)
{
    char byte;

    close(one->bare.jobs[1]);
    probe_if_stuck("NEVER STOPS", "results open", 0, 0, 0);
    probe_expect(read(one->bare.results[0], &byte, 1) == 0, "TOO MUCH WRITTEN",
                 "results", 1, 0, 0);
    probe_wait_for_end(one->id);
}

static four probe_random_four(void)
{
    return (four){(int)probe_random(1000), (int)probe_random(1000),
                  (int)probe_random(1000), -(int)probe_random(1000)};
}

PROBE_CASE(jobs)
{
    const struct probe_running one = probe_run_bare();

    for (int i = 1; i <= 20; i++) {
        const four numbers = probe_random_four();

        probe_send_job(&one, numbers);
        probe_take_result(&one, numbers, i);
    }
    probe_end_bare(&one);
    probe_expect(probe_kib_left(one.bare.stack) == 0, "STACK LEFT BEHIND @12.5",
                 "mapped", probe_kib_left(one.bare.stack), 0, 0);
}

/* Ten jobs are there before the first result is taken. */
PROBE_CASE(queued)
{
    const struct probe_running one = probe_run_bare();
    four numbers[10];

    for (int i = 0; i < 10; i++)
        probe_send_job(&one, numbers[i] = probe_random_four());
    for (int i = 0; i < 10; i++)
        probe_take_result(&one, numbers[i], i + 1);
    probe_end_bare(&one);
}

/* Two at once: each has its own stack, and what is on it. */
PROBE_CASE(two)
{
    const struct probe_running one = probe_run_bare(), two = probe_run_bare();

    for (int i = 1; i <= 10; i++) {
        const four a = probe_random_four(), b = probe_random_four();

        probe_send_job(&one, a);
        probe_send_job(&two, b);
        probe_take_result(&two, b, i);
        probe_take_result(&one, a, i);
    }
    probe_end_bare(&two);
    probe_end_bare(&one);
}

/* The bare thread's read fails, and errno here stays what it was. */
PROBE_CASE(error)
{
    struct probe_running one = {
        .bare = {.stack = stack_new(), .size = STACK_BYTES}};

    if (pipe2(one.bare.jobs, O_CLOEXEC) < 0 ||
        pipe2(one.bare.results, O_CLOEXEC) < 0)
        abort();
    close(one.bare.jobs[0]);
    close(one.bare.jobs[1]);
    errno = EXDEV;
    one.id = probe_start(probe_bare_main, &one.bare, sizeof(one.bare),
                         one.bare.stack);
    probe_wait_for_end(one.id);
    probe_expect(errno == EXDEV, "LIBC ON A BARE THREAD", "changed", errno,
                 EXDEV, 0);
}
