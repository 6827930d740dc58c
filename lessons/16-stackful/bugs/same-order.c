/*@answer
cause: REGISTER LOST
found: case registers
en: Pops in the order in which it has pushed. A stack gives back the last
en: first: rbp gets what was in r15.
fr: Dépile dans l'ordre où il a empilé. Une pile rend d'abord le dernier : rbp
fr: reçoit ce qui était dans r15.
*/
/*@region 16.1*/
__asm__(".text\n"
        ".globl coro_switch\n"
        "coro_switch:\n"
        "    push %rbx\n"
        "    push %rbp\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r12\n"
        "    pop %r13\n"
        "    pop %r14\n"
        "    pop %r15\n"
        "    pop %rbp\n"
        "    pop %rbx\n"
        "    ret\n");
/*@end 16.1*/
