/* SPDX-License-Identifier: MIT */
/*
 * Lesson 16, stackful - must every function become a state machine?
 *
 * New here: a coroutine, a function with a stack of its own. It stops in the
 * middle, even deep in a recursion, and goes on there later. For that the stack
 * pointer moves from one stack to another:
 *
 *     main's stack                        the coroutine's stack
 *     coro_resume:  registers, rsp  --->  (goes on where it yielded)
 *                                         walk(), walk(), walk(), say()
 *     (goes on after the resume)    <---  coro_yield: registers, rsp
 *
 * Two coroutines walk through numbers, each in a recursion, and yield after
 * each number; run_all() lets them take turns. walk() is a plain function: it
 * has no state, no switch, and returns its sum.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: one.
 */
#include "../lesson.h"

#include <stdint.h>
#include <sys/mman.h>

#ifndef __x86_64__
#error "lesson 16 is written in x86-64 assembly; see src/coro/switch_aarch64.S"
#endif

/*@probe struct coro; */
/*@probe static void probe_coro_switch(void **save, void *to); */
/*@probe static void probe_stack_new(struct coro *self, size_t wanted); */
/*@probe static void probe_stack_free(struct coro *self); */
/*@probe static void probe_coro_prepare(struct coro *self); */
/*@probe static void probe_coro_resume(struct coro *self); */
/*@probe static void probe_coro_yield(void); */
/*@probe static void probe_begin(void *frame); */
/*@probe static void probe_returned(void); */
/*@probe static void probe_frame(bool begins); */
/*@probe static _Noreturn void probe_again(void); */
/* --- Switch: from one stack to another ---------------------------------- */

/* Put the registers that a function must keep on this stack, *save = rsp; then
 * rsp = to, and take them from there. The caller goes on when somebody switches
 * back to *save. Assembly takes its arguments in rdi and rsi. */
void coro_switch(void **save, void *to);

/*@todo 16.1 coro_switch | coro_switch
en: A function may use rax, rcx, rdx, rsi, rdi and r8 to r11 as it likes. Six
en: others, and rsp, must be for its caller what they were. One of the six is
en: not kept here: add its push and its pop.
fr: Une fonction peut se servir de rax, rcx, rdx, rsi, rdi et r8 à r11 à sa
fr: guise. Six autres, et rsp, doivent être pour l'appelant ce qu'ils étaient.
fr: L'un des six n'est pas gardé ici : ajoutez son push et son pop.
stub:
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    push %rbp\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbp\n"
        "    ret\n");
*/
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n");
/*@end 16.1*/
/*@probe #define coro_switch probe_coro_switch */

/* --- Coroutine: a function with a stack of its own ----------------------- */

struct coro {
    const char *name;
    void (*entry)(void *arg);
    void *arg;
    char *memory; /* the guard page, and above it the stack */
    size_t memory_bytes;
    void *stack_pointer; /* while it does not run */
    bool done;
};

static struct coro *current; /* whose stack is in use; NULL: main's */

/* MIN_STACK_BYTES: the first call of a function of the C library takes more
 * than 3,000 bytes of stack by itself. */
enum { PAGE_BYTES = 4096, MIN_STACK_BYTES = 16 * 1024 };

/*@todo 16.2 stack_new
en: Set `memory` and `memory_bytes`: an mmap() for at least `wanted` and at
en: least MIN_STACK_BYTES of stack, in whole pages, and one page more. This is
en: the lowest one, and mprotect(..., PROT_NONE) makes it the guard page.
fr: Remplissez `memory` et `memory_bytes` : un mmap() d'au moins `wanted` et
fr: d'au moins MIN_STACK_BYTES de pile, en pages entières, et une de plus.
fr: C'est la plus basse : mprotect(..., PROT_NONE) en fait la page de garde.
stub:
static void stack_new(struct coro *self, size_t wanted)
{
    (void)wanted;
    self->memory = NULL;
    self->memory_bytes = 0;
}
*/
static void stack_new(struct coro *self, size_t wanted)
{
    if (wanted < MIN_STACK_BYTES)
        wanted = MIN_STACK_BYTES;
    self->memory_bytes =
        PAGE_BYTES + (wanted + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    self->memory = mmap(NULL, self->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lesson_unwrap(self->memory == MAP_FAILED ? -1 : 0, "stack");
    lesson_unwrap(mprotect(self->memory, PAGE_BYTES, PROT_NONE), "guard page");
}
/*@end 16.2*/
/*@probe #define stack_new probe_stack_new */

static void stack_free(struct coro *self)
{
    munmap(self->memory, self->memory_bytes);
    self->memory = NULL;
}
/*@probe #define stack_free probe_stack_free */

static void coro_begin(void);

/*@todo 16.3 coro_prepare
en: Write on the new stack, at its high end, what coro_switch() takes from it
en: the first time: six registers, and the address of coro_begin() for RET.
en: Keep the address of the lowest word in `stack_pointer`. coro_begin() must
en: find rsp 8 above a multiple of 16.
fr: Écrivez sur la nouvelle pile, à son bout haut, ce que coro_switch() y prend
fr: la première fois : six registres, et l'adresse de coro_begin() pour RET.
fr: Gardez l'adresse du mot le plus bas dans `stack_pointer`. coro_begin() doit
fr: trouver rsp 8 au-dessus d'un multiple de 16.
stub:
static void coro_prepare(struct coro *self)
{
    (void)coro_begin;
    self->stack_pointer = self->memory + self->memory_bytes;
}
*/
static void coro_prepare(struct coro *self)
{
    void *top = self->memory + self->memory_bytes;
    void **words = (void **)top - 8;

    for (int i = 0; i < 8; i++)
        words[i] = NULL;
    words[6] = (void *)coro_begin; /* 0 to 5: the registers; 7 is left empty */
    self->stack_pointer = words;
}
/*@end 16.3*/
/*@probe #define coro_prepare probe_coro_prepare */

/*@todo 16.4 coro_resume, coro_yield
en: coro_resume() sets `current`, switches to the coroutine, and returns when
en: that has yielded; `current` is NULL again. coro_yield() switches back to
en: whoever resumed it. Each keeps its stack pointer where the other finds it.
fr: coro_resume() écrit `current`, passe sur la pile de la coroutine, et revient
fr: quand celle-ci a cédé ; `current` est de nouveau NULL. coro_yield() revient
fr: à celui qui l'a reprise. Chacune garde son pointeur de pile là où l'autre
fr: le trouve.
stub:
static void coro_resume(struct coro *self)
{
    (void)coro_switch;
    self->done = true; /+ the stub: nothing has run +/
}

static void coro_yield(void)
{
}
*/
static void *main_stack_pointer; /* while a coroutine runs */

static void coro_resume(struct coro *self)
{
    current = self;
    coro_switch(&main_stack_pointer, self->stack_pointer);
    current = NULL;
}

static void coro_yield(void)
{
    coro_switch(&current->stack_pointer, main_stack_pointer);
}
/*@end 16.4*/
/*@probe #define coro_resume probe_coro_resume */
/*@probe #define coro_yield probe_coro_yield */

/* The first function on each new stack: RET leads here, nobody has called. */
static void coro_begin(void)
{
    /*@probe probe_begin(__builtin_frame_address(0)); */
    current->entry(current->arg);
    /*@probe probe_returned(); */
    current->done = true;
    coro_yield();
    /*@probe probe_again(); */
    lesson_expect(false, "a coroutine was resumed after its end");
}

static struct coro coro_new(const char *name, void (*entry)(void *arg),
                            void *arg, size_t stack_bytes)
{
    struct coro self = {.name = name, .entry = entry, .arg = arg};

    stack_new(&self, stack_bytes);
    if (self.memory)
        coro_prepare(&self);
    return self;
}

/* --- Scheduler ------------------------------------------------------------ */

/*@todo 16.5 run_all
en: As long as one is not done: resume each that is not done, in turn. Free the
en: stack of one that is done: here, on main's stack, it is certainly not in
en: use.
fr: Tant qu'il en reste : reprenez tour à tour chaque coroutine non finie.
fr: Rendez la pile de celle qui est finie : ici, sur la pile de main, elle
fr: n'est certainement pas en service.
stub:
static void run_all(struct coro *coros, int count)
{
    (void)coros;
    (void)count;
    (void)coro_resume;
    (void)stack_free;
}
*/
static void run_all(struct coro *coros, int count)
{
    for (int left = count; left > 0;) {
        for (int i = 0; i < count; i++) {
            if (coros[i].done)
                continue;
            coro_resume(&coros[i]);
            if (coros[i].done) {
                stack_free(&coros[i]);
                left--;
            }
        }
    }
}
/*@end 16.5*/

/* --- Two coroutines ------------------------------------------------------- */

static void say(int number)
{
    lesson_logf("%s %d", current->name, number);
    coro_yield();
}

/* Say the numbers from low to high, in order. Returns: their sum. */
static int walk(int low, int high)
{
    const int middle = low + (high - low) / 2;
    int sum = middle;

    /*@probe probe_frame(true); */
    if (low < middle)
        sum += walk(low, middle - 1);
    say(middle);
    if (middle < high)
        sum += walk(middle + 1, high);
    /*@probe probe_frame(false); */
    return sum;
}

struct range {
    int low, high, sum;
};

static void walk_range(void *arg)
{
    struct range *range = arg;

    range->sum = walk(range->low, range->high);
}

/* --- main ----------------------------------------------------------------- */

int main(int argc, char **argv)
{
    struct range ranges[] = {{1, 7, 0}, {11, 17, 0}};
    struct coro coros[2];

    lesson_start(argc, argv, "Lesson 16: two recursions that take turns.",
                 NULL);
    /* 1,024 bytes: as the platform's document asks for. */
    coros[0] = coro_new("a", walk_range, &ranges[0], 1024);
    coros[1] = coro_new("b", walk_range, &ranges[1], 1024);
    run_all(coros, 2);
    lesson_logf("a: the sum is %d", ranges[0].sum);
    lesson_logf("b: the sum is %d", ranges[1].sum);
    return ranges[0].sum && ranges[1].sum ? 0 : 1;
}
