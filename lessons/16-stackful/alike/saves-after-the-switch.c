/*@answer
en: Keeps the old rsp in rax, takes the new one, and stores the old one from
en: the other stack.
fr: Garde l'ancien rsp dans rax, prend le nouveau, et range l'ancien une fois
fr: sur l'autre pile.
*/
/*@region 16.1*/
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, %rax\n"
        "    mov %rsi, %rsp\n"
        "    mov %rax, (%rdi)\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n");
/*@end 16.1*/
