/*@answer
cause: NEVER READY
found: case poll
en: Looks at errno after a read of 0 bytes, too: EAGAIN is left there from
en: before, and the end is not seen.
fr: Regarde errno même après une lecture de 0 octet : EAGAIN y reste d'avant,
fr: et la fin n'est pas vue.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    while (self->got < self->wanted) {
        const ssize_t n =
            read(self->end, self->to + self->got, self->wanted - self->got);

        if (n <= 0 && errno == EAGAIN)
            return NOT_READY;
        if (n <= 0)
            return READY;
        self->got += (size_t)n;
    }
    return READY;
}
/*@end 11.2*/
