/*@answer
cause: TOO MUCH READ
found: case poll
en: Reads as much as comes, "to save calls". It takes what the next one waits
en: for.
fr: Lit tout ce qui vient, « pour économiser des appels ». C'est ce qu'attend le
fr: suivant.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    while (self->got < self->wanted) {
        const ssize_t n = read(self->end, self->to + self->got, 64);

        if (n < 0 && errno == EAGAIN)
            return NOT_READY;
        if (n <= 0)
            return READY;
        self->got += (size_t)n;
    }
    return READY;
}
/*@end 11.2*/
