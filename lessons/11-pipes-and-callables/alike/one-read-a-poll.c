/*@answer
en: One read a poll. If more is there, the wait for the next one is short.
fr: Une lecture par sondage. S'il y a autre chose, l'attente suivante est
fr: courte.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    ssize_t n;

    if (self->got == self->wanted)
        return READY;
    n = read(self->end, self->to + self->got, self->wanted - self->got);
    if (n < 0 && errno == EAGAIN)
        return NOT_READY;
    if (n <= 0)
        return READY;
    self->got += (size_t)n;
    return self->got == self->wanted ? READY : NOT_READY;
}
/*@end 11.2*/
