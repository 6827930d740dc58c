/*@answer
cause: WRONG RETURN ADDRESS
found: plain
en: Function and argument are exchanged: POP takes the function into rdi, and
en: RET leads into the arguments, where there is no code.
fr: Fonction et argument sont échangés : POP prend la fonction dans rdi, et RET
fr: mène dans les arguments, où il n'y a pas de code.
*/
/*@region 12.3*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    char *copy = stack + size - (length + 15) / 16 * 16;
    void **top = (void **)(void *)(copy - 24);

    memcpy(copy, args, length);
    top[0] = (void *)enter;
    top[1] = copy;
    return top;
}
/*@end 12.3*/
