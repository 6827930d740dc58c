/*@answer
en: Keeps the registers by moves into room that is made for all at once, with
en: the control words of the floating point, and ends in a jmp.
fr: Garde les registres par des mov dans de la place faite d'un coup, avec les
fr: mots de contrôle des flottants, et finit par un jmp.
*/
/*@region 16.1*/
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    sub $56, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    mov %rbx, 8(%rsp)\n"
        "    mov %rbp, 16(%rsp)\n"
        "    mov %r12, 24(%rsp)\n"
        "    mov %r13, 32(%rsp)\n"
        "    mov %r14, 40(%rsp)\n"
        "    mov %r15, 48(%rsp)\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    mov 8(%rsp), %rbx\n"
        "    mov 16(%rsp), %rbp\n"
        "    mov 24(%rsp), %r12\n"
        "    mov 32(%rsp), %r13\n"
        "    mov 40(%rsp), %r14\n"
        "    mov 48(%rsp), %r15\n"
        "    add $56, %rsp\n"
        "    pop %rcx\n"
        "    jmp *%rcx\n");
/*@end 16.1*/
/*@region 16.3*/
static void coro_prepare(struct coro *self)
{
    uint64_t *words =
        (uint64_t *)(void *)(self->memory + self->memory_bytes) - 10;
    uint32_t mxcsr;
    uint16_t x87;

    memset(words, 0, 80);
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    words[0] = mxcsr | (uint64_t)x87 << 32;
    words[7] = (uint64_t)(uintptr_t)coro_begin;
    self->stack_pointer = words + ((uintptr_t)(words + 8) % 16 == 0);
    if (self->stack_pointer != words)
        memmove(words + 1, words, 64);
}
/*@end 16.3*/
