/*@answer
cause: CRASHED
found: plain
en: Counts down from the lowest address: the copy lies below the stack.
fr: Descend depuis l'adresse la plus basse : la copie tombe sous la pile.
*/
/*@region 12.3*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    char *copy = stack - (length + 15) / 16 * 16;
    void **top = (void **)(void *)(copy - 24);

    memcpy(copy, args, length);
    top[0] = copy;          /* POP takes it into rdi */
    top[1] = (void *)enter; /* RET goes there, with rsp at copy - 8 */
    return top;
}
/*@end 12.3*/
