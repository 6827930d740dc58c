/*@answer
cause: WRONG RETURN ADDRESS
found: case registers
en: Keeps rsp before the pushes. Whoever comes back takes seven words from above
en: the registers.
fr: Garde rsp avant les push. Celui qui revient prend sept mots au-dessus des
fr: registres.
*/
/*@region 16.1*/
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    mov %rsp, (%rdi)\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n");
/*@end 16.1*/
