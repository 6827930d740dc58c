/*@answer
cause: OUTSIDE THE STACK
found: plain
en: "The stack begins at its address": prepares the low end. It grows
en: downwards, into the guard page.
fr: « La pile commence à son adresse » : prépare le bout bas. Elle croît vers
fr: le bas, dans la page de garde.
*/
/*@region 12.3*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    void **top = (void **)(void *)(stack + GUARD_BYTES + 8);

    (void)size;
    memcpy(top + 3, args, length);
    top[0] = top + 3;
    top[1] = (void *)enter;
    return top;
}
/*@end 12.3*/
