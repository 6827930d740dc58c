/* SPDX-License-Identifier: MIT */
/*
 * Lesson 12, bare-thread - what is a thread?
 *
 * New here: nothing is used, everything is made. A thread is a stack, and one
 * system call, clone(), after which two threads run the same instructions:
 *
 *     main                                the bare thread
 *     thread_clone: push %rdi
 *                   clone  ------------>  (goes on after the system call,
 *                   pop %rdi              with another stack pointer)
 *                   ret: to main()        pop %rdi: its argument
 *                                         ret: to bare_main()
 *
 * The bare thread squares four numbers at a time: 16 bytes come in by one pipe,
 * 16 go out by another. The C library does not know of it, so it calls none of
 * it.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main; the bare thread, which runs bare_main() only.
 */
#include "../lesson.h"

#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "lesson 12 is written in x86-64 assembly; see src/thread/clone_aarch64.S"
#endif

/*@probe static void probe_called(const char *what); */
/*@probe static long probe_sys3(long number, long a, long b, long c); */
/*@probe static long probe_thread_clone(long flags, void *pointer); */
/*@probe static void *probe_stack_prepare(char *stack, size_t size, */
/*@probe     void (*enter)(void *), const void *args, size_t length); */
/*@probe static _Noreturn void probe_thread_end(void *stack, size_t size); */
/*@probe static void probe_bare_main(void *args); */
/*@probe static void probe_new_stack(char *stack, size_t size, size_t guard); */
/*@probe #undef errno */
/*@probe #define errno (*(probe_called("errno"), __errno_location())) */
/*@probe #define printf(...) (probe_called("stdio"), printf(__VA_ARGS__)) */
/*@probe #define fprintf(...) (probe_called("stdio"), fprintf(__VA_ARGS__)) */
/*@probe #define dprintf(...) (probe_called("stdio"), dprintf(__VA_ARGS__)) */
/*@probe #define snprintf(...) (probe_called("stdio"), snprintf(__VA_ARGS__)) */
/*@probe #define puts(...) (probe_called("stdio"), puts(__VA_ARGS__)) */
/*@probe #define putchar(...) (probe_called("stdio"), putchar(__VA_ARGS__)) */
/*@probe #define fputs(...) (probe_called("stdio"), fputs(__VA_ARGS__)) */
/*@probe #define perror(...) (probe_called("stdio"), perror(__VA_ARGS__)) */
/*@probe #define lesson_log(text) (probe_called("log"), lesson_log(text)) */
/*@probe #define lesson_logf(...) \ */
/*@probe     (probe_called("log"), lesson_logf(__VA_ARGS__)) */
/*@probe #define malloc(...) (probe_called("heap"), malloc(__VA_ARGS__)) */
/*@probe #define calloc(...) (probe_called("heap"), calloc(__VA_ARGS__)) */
/*@probe #define free(...) (probe_called("heap"), free(__VA_ARGS__)) */
/*@probe #define read(...) (probe_called("read"), read(__VA_ARGS__)) */
/*@probe #define write(...) (probe_called("write"), write(__VA_ARGS__)) */
/*@probe #define close(...) (probe_called("close"), close(__VA_ARGS__)) */
/*@probe #define syscall(...) (probe_called("syscall"), syscall(__VA_ARGS__)) */
/*@probe #define exit(...) (probe_called("exit"), exit(__VA_ARGS__)) */
/*@probe #define _exit(...) (probe_called("exit"), _exit(__VA_ARGS__)) */
/*@probe #define usleep(...) (probe_called("sleep"), usleep(__VA_ARGS__)) */
/* --- A job: four numbers, and their squares ----------------------------- */

/* Four ints in 16 bytes, which the processor moves and multiplies at once. */
typedef int four __attribute__((vector_size(16)));

static four square(four numbers)
{
    return numbers * numbers;
}

/*@probe static void probe_answer(four numbers, four squares, long n); */
/*@probe static void probe_let_end(long id); */
/* --- System calls without the C library --------------------------------- */

/*@probe static inline long sys3(long number, long a, long b, long c); */
/*@todo 12.1 sys3 | sys3
en: Make system call `number` with three arguments, in assembly: the number
en: goes into rax, the arguments into rdi, rsi, rdx, and the result comes back
en: in rax. The instruction overwrites rcx and r11. No errno: an error is a
en: negative result.
fr: Faites l'appel système `number` avec trois arguments, en assembleur : le
fr: numéro va dans rax, les arguments dans rdi, rsi, rdx, et le résultat
fr: revient dans rax. L'instruction écrase rcx et r11. Pas d'errno : une erreur
fr: est un résultat négatif.
stub:
static long sys3(long number, long a, long b, long c)
{
    (void)number;
    (void)a;
    (void)b;
    (void)c;
    return -ENOSYS;
}
*/
static long sys3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
/*@end 12.1*/
/*@probe #define sys3 probe_sys3 */

/* --- A thread: its first and its last instructions ---------------------- */

/* One memory, the same files and signal handlers: a thread of this process.
 * 0x10f00 in all. */
enum {
    THREAD_FLAGS =
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
};

/* clone(flags, stack_pointer). Returns, in the caller only: the id of the new
 * thread, or a negative errno. Assembly takes its arguments in rdi and rsi. */
long thread_clone(long flags, void *stack_pointer);

/* munmap(stack, size), and exit: this thread only. */
_Noreturn void thread_end(void *stack, size_t size);

/*@todo 12.2 thread_clone
en: Three instructions are missing between `mov` and the end: the system call;
en: rdi, taken from whichever stack rsp points to now; the address to go on at,
en: taken from there too. Both threads run them. Remove the two of the stub.
fr: Il manque trois instructions entre `mov` et la fin : l'appel système ; rdi,
fr: pris sur la pile où pointe rsp à ce moment ; l'adresse où continuer, prise
fr: là aussi. Les deux threads les exécutent. Retirez les deux de l'ébauche.
stub:
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n" /+ the number of clone() +/
        "    pop %rdi\n"
        "    mov $-38, %rax\n" /+ the stub: -ENOSYS, and back +/
        "    ret\n");
*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n" /* the number of clone() */
        "    syscall\n"
        "    pop %rdi\n"
        "    ret\n");
/*@end 12.2*/
/*@probe #define thread_clone probe_thread_clone */

enum { STACK_BYTES = 64 * 1024, GUARD_BYTES = 4096 };

/*@todo 12.3 stack_prepare
en: Copy the arguments to the end of the new stack, which is its highest
en: address, and put below them what thread_clone() takes from the stack.
en: Return the stack pointer for the child: enter() must find it 8 above a
en: multiple of 16, as after a call.
fr: Copiez les arguments au bout de la nouvelle pile, qui est son adresse la
fr: plus haute, et mettez au-dessous ce que thread_clone() prend sur la pile.
fr: Renvoyez le pointeur de pile de l'enfant : enter() doit le trouver 8
fr: au-dessus d'un multiple de 16, comme après un appel.
stub:
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    (void)enter;
    (void)args;
    (void)length;
    return stack + size - 16; /+ room for two words, and nothing in them +/
}
*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    char *copy = stack + size - (length + 15) / 16 * 16;
    void **top = (void **)(void *)(copy - 24);

    memcpy(copy, args, length);
    top[0] = copy;          /* POP takes it into rdi */
    top[1] = (void *)enter; /* RET goes there, with rsp at copy - 8 */
    return top;
}
/*@end 12.3*/
/*@probe #define stack_prepare probe_stack_prepare */

/*@todo 12.4 thread_end
en: `exit` is there. Before it, give the stack back: munmap is system call 11,
en: and its arguments are in rdi and rsi already. After it there is no stack
en: any more, not even for a call or a return: only these instructions are
en: left.
fr: `exit` est là. Avant lui, rendez la pile : munmap est l'appel système 11,
fr: et ses arguments sont déjà dans rdi et rsi. Après lui, il n'y a plus de
fr: pile, pas même pour un appel ou un retour : il ne reste que ces
fr: instructions.
stub:
__asm__(".globl thread_end\n"
        "thread_end:\n"
        "    mov $60, %eax\n" /+ exit +/
        "    xor %edi, %edi\n"
        "    syscall\n");
*/
__asm__(".globl thread_end\n"
        "thread_end:\n"
        "    mov $11, %eax\n" /* munmap */
        "    syscall\n"
        "    mov $60, %eax\n" /* exit */
        "    xor %edi, %edi\n"
        "    syscall\n");
/*@end 12.4*/
/*@probe #define thread_end probe_thread_end */

/* Memory for a stack. Its lowest page may not be touched: a thread that
 * uses too much crashes there, and does not write into what lies below. */
static char *stack_new(void)
{
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    lesson_unwrap(stack == MAP_FAILED ? -1 : 0, "stack");
    lesson_unwrap(mprotect(stack, GUARD_BYTES, PROT_NONE), "guard page");
    /*@probe probe_new_stack(stack, STACK_BYTES, GUARD_BYTES); */
    return stack;
}

/* Start a thread in enter(), with a copy of args on its own stack. Returns: its
 * id, or a negative errno. */
static long thread_start(char *stack, void (*enter)(void *), const void *args,
                         size_t length)
{
    return thread_clone(THREAD_FLAGS,
                        stack_prepare(stack, STACK_BYTES, enter, args, length));
}

/* --- The bare thread ------------------------------------------------------ */

/* What the bare thread is given. All threads share the descriptors: main uses
 * the other ends of the pipes. */
struct bare_thread {
    int jobs[2];    /* the bare thread reads from jobs[0] */
    int results[2]; /* and writes to results[1] */
    void *stack;    /* its own, which it gives back itself */
    size_t size;
};

/*@todo 12.5 bare_main
en: As long as 16 bytes come out of the jobs: read them into `numbers`, and
en: write their square() to the results. When no more come (0: main has closed
en: its end), close the results and end the thread. sys3() only: this thread
en: has no errno, no locks and no printf().
fr: Tant que 16 octets sortent des travaux : lisez-les dans `numbers`, et
fr: écrivez leur square() dans les résultats. Quand il n'en vient plus (0 :
fr: main a fermé son bout), fermez les résultats et terminez le thread.
fr: Seulement sys3() : ce thread n'a ni errno, ni verrous, ni printf().
stub:
static void bare_main(void *args)
{
    struct bare_thread *self = args;

    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    four numbers;

    while (sys3(SYS_read, self->jobs[0], (long)&numbers, 16) == 16) {
        numbers = square(numbers);
        sys3(SYS_write, self->results[1], (long)&numbers, 16);
    }
    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
/*@probe #define bare_main probe_bare_main */

/* --- main ---------------------------------------------------------------- */

/* Returns: whether the bare thread has sent an answer. */
static bool ask(const struct bare_thread *bare, four numbers)
{
    four squares;
    ssize_t n = write(bare->jobs[1], &numbers, sizeof(numbers));

    if (n > 0)
        n = read(bare->results[0], &squares, sizeof(squares));
    if (n <= 0)
        return false;
    /*@probe probe_answer(numbers, squares, n); */
    lesson_logf("squares: %d %d %d %d", squares[0], squares[1], squares[2],
                squares[3]);
    return true;
}

int main(int argc, char **argv)
{
    struct bare_thread bare = {.stack = stack_new(), .size = STACK_BYTES};
    bool answered;
    char end;
    long id;

    lesson_start(argc, argv, "Lesson 12: a thread made by hand, with clone().",
                 NULL);
    lesson_unwrap(pipe2(bare.jobs, O_CLOEXEC), "pipe");
    lesson_unwrap(pipe2(bare.results, O_CLOEXEC), "pipe");

    id = thread_start(bare.stack, bare_main, &bare, sizeof(bare));
    if (id < 0) {
        lesson_logf("no thread: %s", strerror((int)-id));
        return 1;
    }
    lesson_logf("main is thread %d, and the bare thread %ld", gettid(), id);
    answered = ask(&bare, (four){1, 2, 3, 4}) && ask(&bare, (four){5, 6, 7, 8});
    close(bare.jobs[1]);
    if (read(bare.results[0], &end, 1) == 0)
        lesson_log("No more results: the bare thread ends");
    /*@probe probe_let_end(id); */
    return answered ? 0 : 1;
}
