/*@answer
en: No push and no pop: room by lea, registers by mov, and a jmp to the word
en: that RET would take.
fr: Ni push ni pop : de la place par lea, les registres par mov, et un jmp vers
fr: le mot que RET prendrait.
*/
/*@region 16.1*/
__asm__(".text\n"
        ".globl coro_switch\n"
        ".type coro_switch, @function\n"
        "coro_switch:\n"
        "    mov (%rsp), %rdx\n"
        "    lea -48(%rsp), %rsp\n"
        "    mov %rbx, (%rsp)\n"
        "    mov %rbp, 8(%rsp)\n"
        "    mov %r12, 16(%rsp)\n"
        "    mov %r13, 24(%rsp)\n"
        "    mov %r14, 32(%rsp)\n"
        "    mov %r15, 40(%rsp)\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    mov (%rsp), %rbx\n"
        "    mov 8(%rsp), %rbp\n"
        "    mov 16(%rsp), %r12\n"
        "    mov 24(%rsp), %r13\n"
        "    mov 32(%rsp), %r14\n"
        "    mov 40(%rsp), %r15\n"
        "    mov 48(%rsp), %rdx\n"
        "    lea 56(%rsp), %rsp\n"
        "    jmp *%rdx\n");
/*@end 16.1*/
