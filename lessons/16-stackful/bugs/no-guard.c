/*@answer
cause: NO GUARD PAGE
found: case stacks
en: Stacks without a guard page. All is well as long as nobody needs more; then
en: a coroutine writes into the stack of its neighbour.
fr: Des piles sans page de garde. Tout va bien tant que personne n'en demande
fr: plus ; ensuite, une coroutine écrit dans la pile de sa voisine.
*/
/*@region 16.2*/
static void stack_new(struct coro *self, size_t wanted)
{
    if (wanted < MIN_STACK_BYTES)
        wanted = MIN_STACK_BYTES;
    self->memory_bytes =
        PAGE_BYTES + (wanted + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    self->memory = mmap(NULL, self->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lesson_unwrap(self->memory == MAP_FAILED ? -1 : 0, "stack");
}
/*@end 16.2*/
