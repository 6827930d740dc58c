/*@answer
cause: ENTRY NOT SEEN
found: case submit
en: Stores the masked tail: a counter is only masked where an index is wanted.
fr: Range le tail masqué : on ne masque un compteur que pour en tirer un
fr: indice.
*/
/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled & self->sq_mask,
                     __ATOMIC_RELEASE);
    return ring_enter(self, count);
}
/*@end 13.2*/
