/*@answer
en: A C function without entry and exit code, and RET leads to assembly that
en: calls coro_begin(), with an aligned stack.
fr: Une fonction C sans code d'entrée ni de sortie, et RET mène à de
fr: l'assembleur qui appelle coro_begin(), pile alignée.
*/
/*@region 16.1*/
__attribute__((naked)) void coro_switch(void **save __attribute__((unused)),
                                        void *to __attribute__((unused)))
{
    __asm__("push %r15\n\t"
            "push %r14\n\t"
            "push %r13\n\t"
            "push %r12\n\t"
            "push %rbx\n\t"
            "push %rbp\n\t"
            "mov %rsp, (%rdi)\n\t"
            "mov %rsi, %rsp\n\t"
            "pop %rbp\n\t"
            "pop %rbx\n\t"
            "pop %r12\n\t"
            "pop %r13\n\t"
            "pop %r14\n\t"
            "pop %r15\n\t"
            "ret");
}
/*@end 16.1*/
/*@region 16.3*/
void coro_call_r12(void);

__asm__(".text\n"
        ".globl coro_call_r12\n"
        "coro_call_r12:\n"
        "    call *%r12\n"
        "    ud2\n");

static void coro_prepare(struct coro *self)
{
    uintptr_t *top =
        (uintptr_t *)(void *)(self->memory + self->memory_bytes - 256);

    *--top = 0;
    *--top = 0;
    *--top = (uintptr_t)coro_call_r12;
    *--top = 0;                     /* r15 */
    *--top = 0;                     /* r14 */
    *--top = 0;                     /* r13 */
    *--top = (uintptr_t)coro_begin; /* r12 */
    *--top = 0;                     /* rbx */
    *--top = 0;                     /* rbp */
    self->stack_pointer = top;
}
/*@end 16.3*/
