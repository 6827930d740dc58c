/*@answer
cause: TRUNCATED
found: plain
en: Writes the bytes of the last read into `got`, instead of adding them.
fr: Écrit dans `got` les octets de la dernière lecture, au lieu de les ajouter.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    while (self->got < self->wanted) {
        const ssize_t n =
            read(self->end, self->to + self->got, self->wanted - self->got);

        if (n < 0 && errno == EAGAIN)
            return NOT_READY;
        if (n <= 0)
            return READY;
        self->got = (size_t)n;
    }
    return READY;
}
/*@end 11.2*/
