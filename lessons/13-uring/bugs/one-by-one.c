/*@answer
cause: TOO MANY CALLS
found: case submit
en: One call an entry, as if each were a write().
fr: Un appel par entrée, comme si chacune était un write().
*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < count; i++)
        ring_enter(self, 1);
    return (int)count;
}
/*@end 13.2*/
