/*@answer
cause: WRONG ARGUMENT
found: plain
en: Hands main's own struct over. It works as long as the caller does not
en: return before the thread has read it.
fr: Transmet la structure de main elle-même. Cela marche tant que l'appelant ne
fr: revient pas avant que le thread l'ait lue.
*/
/*@region 12.3*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    void **top = (void **)(void *)(stack + size - 24);

    (void)length;
    memcpy(top, &args, sizeof(args));
    top[1] = (void *)enter;
    return top;
}
/*@end 12.3*/
