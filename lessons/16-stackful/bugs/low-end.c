/*@answer
cause: OUTSIDE THE STACK
found: plain
en: Prepares the low end, just above the guard page: the first call falls into
en: it.
fr: Prépare le bout bas, juste au-dessus de la page de garde : le premier appel
fr: y tombe.
*/
/*@region 16.3*/
static void coro_prepare(struct coro *self)
{
    void **words = (void **)(void *)(self->memory + PAGE_BYTES);

    for (int i = 0; i < 8; i++)
        words[i] = NULL;
    words[6] = (void *)coro_begin;
    self->stack_pointer = words;
}
/*@end 16.3*/
