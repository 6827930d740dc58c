/*@answer
cause: ENTRY NOT SEEN
found: plain
en: Publishes the tail, and nobody looks: without SQPOLL the kernel reads it
en: in io_uring_enter only.
fr: Publie le tail, et personne ne regarde : sans SQPOLL, le noyau ne le lit
fr: que dans io_uring_enter.
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
    return (int)count;
}
/*@end 13.2*/
