/*@answer
cause: WRONG RETURN ADDRESS
found: plain
en: rdi is pushed and not popped. RET takes what was pushed last: in main the
en: flags 0x10f00, in the bare thread the pointer to its arguments.
fr: rdi est empilé et jamais dépilé. RET prend ce qui a été empilé en dernier :
fr: chez main les drapeaux 0x10f00, chez le thread nu le pointeur vers ses
fr: arguments.
*/
/*@region 12.2*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n"
        "    syscall\n"
        "    ret\n");
/*@end 12.2*/
