/*@answer
cause: TOO MANY CALLS
found: case submit
en: Enters although nothing is new.
fr: Entre alors qu'il n'y a rien de neuf.
*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELEASE);
    return ring_enter(self, count);
}
/*@end 13.2*/
