/*@answer
en: Functions of C without entry and exit code (naked), and a jmp in place of
en: RET: the same words leave the stack.
fr: Des fonctions C sans code d'entrée ni de sortie (naked), et un jmp au lieu
fr: de RET : les mêmes mots quittent la pile.
*/
/*@region 12.2*/
__attribute__((naked)) long thread_clone(long flags __attribute__((unused)),
                                         void *stack_pointer
                                         __attribute__((unused)))
{
    __asm__("push %rdi\n\t"
            "mov $56, %eax\n\t"
            "syscall\n\t"
            "pop %rdi\n\t"
            "pop %rcx\n\t"
            "jmp *%rcx");
}
/*@end 12.2*/
/*@region 12.4*/
_Noreturn void thread_end(void *stack, size_t size)
{
    __asm__ volatile("syscall\n\t"
                     "mov $60, %%eax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "syscall"
                     :
                     : "a"(SYS_munmap), "D"(stack), "S"(size)
                     : "rcx", "r11", "memory");
    __builtin_unreachable();
}
/*@end 12.4*/
