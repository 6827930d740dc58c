/*@answer
cause: WRONG ARGUMENT
found: case child
en: The argument is popped into rsi, clone()'s second argument. A function
en: finds its first one in rdi.
fr: L'argument est dépilé dans rsi, le deuxième argument de clone(). Une
fr: fonction trouve le premier dans rdi.
*/
/*@region 12.2*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n" /* the number of clone() */
        "    syscall\n"
        "    pop %rsi\n"
        "    ret\n");
/*@end 12.2*/
