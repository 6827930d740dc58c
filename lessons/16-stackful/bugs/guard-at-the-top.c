/*@answer
cause: NO STACK
found: plain
en: The guard page at the high end, "behind the stack". A stack begins there.
fr: La page de garde au bout haut, « derrière la pile ». C'est là qu'une pile
fr: commence.
*/
/*@region 16.2*/
static void stack_new(struct coro *self, size_t wanted)
{
    size_t bytes = wanted < MIN_STACK_BYTES ? MIN_STACK_BYTES : wanted;

    bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    self->memory_bytes = bytes + PAGE_BYTES;
    self->memory = mmap(NULL, self->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lesson_unwrap(self->memory == MAP_FAILED ? -1 : 0, "stack");
    lesson_unwrap(mprotect(self->memory + bytes, PAGE_BYTES, PROT_NONE),
                  "guard page");
}
/*@end 16.2*/
