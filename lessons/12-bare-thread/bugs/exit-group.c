/*@answer
cause: ENDED EARLY
found: case end
en: 231 is exit_group, which ends all threads of the process: it is what exit()
en: of the C library calls.
fr: 231 est exit_group, qui termine tous les threads du processus : c'est ce
fr: qu'appelle exit() de la bibliothèque C.
*/
/*@region 12.4*/
__asm__(".globl thread_end\n"
        "thread_end:\n"
        "    mov $11, %eax\n"
        "    syscall\n"
        "    mov $231, %eax\n"
        "    xor %edi, %edi\n"
        "    syscall\n");
/*@end 12.4*/
