/*@answer
cause: STACK LEFT BEHIND
found: case end
en: The two in the wrong order: exit does not return, so the stack is never
en: given back.
fr: Les deux dans le mauvais ordre : exit ne revient pas, donc la pile n'est
fr: jamais rendue.
*/
/*@region 12.4*/
__asm__(".globl thread_end\n"
        "thread_end:\n"
        "    mov $60, %eax\n"
        "    syscall\n"
        "    mov $11, %eax\n"
        "    syscall\n");
/*@end 12.4*/
