/*@answer
cause: WRONG STACK
found: case registers
en: The two arguments of the switch are exchanged in the assembly: the new rsp
en: is the address of a variable.
fr: Les deux arguments sont échangés dans l'assembleur : le nouveau rsp est
fr: l'adresse d'une variable.
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
        "    mov %rsp, (%rsi)\n"
        "    mov %rdi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n");
/*@end 16.1*/
