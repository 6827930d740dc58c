/*@answer
cause: STACK OVERFLOW
found: case deep
en: Takes the 1,024 bytes for a size that one can live on, as the platform's
en: document does, and rounds up to a page. printf() needs more.
fr: Prend les 1 024 octets pour une taille suffisante, comme le document de la
fr: plateforme, et arrondit à une page. Il en faut plus à printf().
*/
/*@region 16.2*/
static void stack_new(struct coro *self, size_t wanted)
{
    const size_t pages = (wanted + PAGE_BYTES - 1) / PAGE_BYTES;

    self->memory_bytes = PAGE_BYTES + pages * PAGE_BYTES;
    self->memory = mmap(NULL, self->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lesson_unwrap(self->memory == MAP_FAILED ? -1 : 0, "stack");
    lesson_unwrap(mprotect(self->memory, PAGE_BYTES, PROT_NONE), "guard page");
}
/*@end 16.2*/
