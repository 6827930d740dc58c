/*@answer
cause: WRONG RETURN ADDRESS
found: case registers
en: The push of rbx is added, and its pop forgotten: RET takes a word too
en: early, where another register lies.
fr: Le push de rbx est ajouté, son pop oublié : RET prend un mot trop tôt, là
fr: où se trouve un autre registre.
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
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbp\n"
        "    ret\n");
/*@end 16.1*/
