/*@answer
cause: ENTRY NOT SEEN
kind: without release
found: plain
en: The tail without release: on this processor nothing shows, on another the
en: kernel may see the tail before the entry.
fr: Le tail sans release : sur ce processeur rien ne se voit, sur un autre le
fr: noyau peut voir le tail avant l'entrée.
*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELAXED);
    return ring_enter(self, count);
}
/*@end 13.2*/
