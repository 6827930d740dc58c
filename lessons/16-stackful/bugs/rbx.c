/*@answer
cause: REGISTER LOST
found: case registers
en: Adds the register that is easiest to remember, rdi, and not the one that is
en: missing. rdi may change over a call; rbx may not.
fr: Ajoute le registre qu'on retient le mieux, rdi, et pas celui qui manque.
fr: rdi peut changer lors d'un appel ; rbx, non.
*/
/*@region 16.1*/
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    push %rbp\n"
        "    push %rdi\n"
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
        "    pop %rdi\n"
        "    pop %rbp\n"
        "    ret\n");
/*@end 16.1*/
