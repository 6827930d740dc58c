/*@answer
cause: WRONG RETURN ADDRESS
found: plain
en: The address lies lowest, where the first POP takes it into r15. RET finds a
en: word that was meant for a register: 0.
fr: L'adresse est tout en bas, là où le premier POP la prend dans r15. RET
fr: trouve un mot destiné à un registre : 0.
*/
/*@region 16.3*/
static void coro_prepare(struct coro *self)
{
    void *top = self->memory + self->memory_bytes;
    void **words = (void **)top - 8;

    words[0] = (void *)coro_begin;
    for (int i = 1; i < 8; i++)
        words[i] = NULL;
    self->stack_pointer = words;
}
/*@end 16.3*/
