/*@answer
cause: STACK NOT ALIGNED
found: plain
en: Six registers and an address, seven words, right below the end. After RET,
en: rsp is a multiple of 16, and it should be 8 above one.
fr: Six registres et une adresse, sept mots, juste sous le bout. Après RET, rsp
fr: est un multiple de 16, et devrait en dépasser un de 8.
*/
/*@region 16.3*/
static void coro_prepare(struct coro *self)
{
    void *top = self->memory + self->memory_bytes;
    void **words = (void **)top - 7;

    words[6] = (void *)coro_begin;
    self->stack_pointer = words;
}
/*@end 16.3*/
