/*@answer
cause: WRONG ARGUMENT
found: plain
todo: 12.3
en: The copy lies below the stack pointer, where the thread's own calls write.
fr: La copie est sous le pointeur de pile, là où les propres appels du thread
fr: écrivent.
*/
/*@region 12.3*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    void **top = (void **)(void *)(stack + size - 24);
    char *copy = (char *)top - 128 - (length + 15) / 16 * 16;

    memcpy(copy, args, length);
    top[0] = copy;
    top[1] = (void *)enter;
    return top;
}
/*@end 12.3*/
