/*@answer
en: Reserves all without rights, and opens all but the two lowest pages; four
en: times as much as is asked for.
fr: Réserve tout sans droits, et ouvre tout sauf les deux pages les plus
fr: basses ; quatre fois plus que demandé.
*/
/*@region 16.2*/
static void stack_new(struct coro *self, size_t wanted)
{
    const size_t bytes = wanted < 4 * MIN_STACK_BYTES
                             ? 4 * MIN_STACK_BYTES
                             : (wanted | (PAGE_BYTES - 1)) + 1;

    self->memory_bytes = bytes + 2 * PAGE_BYTES;
    self->memory = mmap(NULL, self->memory_bytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    lesson_unwrap(self->memory == MAP_FAILED ? -1 : 0, "stack");
    lesson_unwrap(
        mprotect(self->memory + 2 * PAGE_BYTES, bytes, PROT_READ | PROT_WRITE),
        "stack");
}
/*@end 16.2*/
