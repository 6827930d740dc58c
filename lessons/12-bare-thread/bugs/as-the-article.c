/*@answer
cause: STACK NOT ALIGNED
found: plain
en: The arguments at the end, two words below them: the article does so, and is
en: right by luck, as its arguments have 24 bytes. These have 32.
fr: Les arguments au bout, deux mots au-dessous : l'article fait ainsi, et
fr: c'est juste par chance, car ses arguments ont 24 octets. Ceux-ci en ont 32.
*/
/*@region 12.3*/
static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    char *copy = stack + size - length;
    void **top = (void **)(void *)(copy - 16);

    memcpy(copy, args, length);
    top[0] = copy;
    top[1] = (void *)enter;
    return top;
}
/*@end 12.3*/
