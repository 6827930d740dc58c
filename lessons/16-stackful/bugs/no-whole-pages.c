/*@answer
cause: STACK NOT ALIGNED
found: case entry
en: Adds a page, but does not round up: for 16,385 bytes the high end is odd.
en: mmap() rounds, memory_bytes does not say so.
fr: Ajoute une page, mais n'arrondit pas : pour 16 385 octets, le bout haut est
fr: impair. mmap() arrondit, memory_bytes ne le dit pas.
*/
/*@region 16.2*/
static void stack_new(struct coro *self, size_t wanted)
{
    if (wanted < MIN_STACK_BYTES)
        wanted = MIN_STACK_BYTES;
    self->memory_bytes = PAGE_BYTES + wanted;
    self->memory = mmap(NULL, self->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lesson_unwrap(self->memory == MAP_FAILED ? -1 : 0, "stack");
    lesson_unwrap(mprotect(self->memory, PAGE_BYTES, PROT_NONE), "guard page");
}
/*@end 16.2*/
