/*@answer
cause: WRONG RETURN ADDRESS
found: case child
en: Pops before the system call. The child, whose stack is another one, pops
en: nothing, and returns to its argument.
fr: Dépile avant l'appel système. L'enfant, dont la pile est une autre, ne
fr: dépile rien, et retourne à son argument.
*/
/*@region 12.2*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n" /* the number of clone() */
        "    pop %rdi\n"
        "    syscall\n"
        "    ret\n");
/*@end 12.2*/
