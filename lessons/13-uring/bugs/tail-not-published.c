/*@answer
cause: ENTRY NOT SEEN
found: plain
en: Enters, but the tail stands where it stood: for the kernel there is
en: nothing new.
fr: Entre, mais le tail est resté où il était : pour le noyau, il n'y a rien
fr: de neuf.
*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    return ring_enter(self, count);
}
/*@end 13.2*/
