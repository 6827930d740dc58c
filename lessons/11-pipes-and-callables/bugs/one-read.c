/*@answer
cause: TRUNCATED
found: plain
en: Reads once and is READY: in packet mode one read gives one packet.
fr: Lit une fois et est READY : en mode paquet, une lecture donne un seul
fr: paquet.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    if (self->got < self->wanted) {
        const ssize_t n =
            read(self->end, self->to + self->got, self->wanted - self->got);

        if (n < 0 && errno == EAGAIN)
            return NOT_READY;
        if (n <= 0)
            return READY;
        self->got += (size_t)n;
    }
    return READY;
}
/*@end 11.2*/
