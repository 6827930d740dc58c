/*@answer
cause: ERROR LOST
found: case submit
en: Says how many were asked for, and does not look at what the call has said.
fr: Dit combien ont été demandées, sans regarder ce que l'appel a répondu.
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
    ring_enter(self, count);
    return (int)count;
}
/*@end 13.2*/
