/*@answer
cause: STACK GONE
found: plain
en: The end is written in C: munmap(), then exit. But the return from the first
en: call already needs the stack.
fr: La fin est écrite en C : munmap(), puis exit. Mais le retour du premier
fr: appel a déjà besoin de la pile.
*/
/*@region 12.4*/
_Noreturn void thread_end(void *stack, size_t size)
{
    sys3(SYS_munmap, (long)stack, (long)size, 0);
    sys3(SYS_exit, 0, 0, 0);
    for (;;)
        ;
}
/*@end 12.4*/
