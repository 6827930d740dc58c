/*@answer
cause: NEVER READY
found: case poll
en: Takes each error for EAGAIN. No waiting can change the others.
fr: Prend chaque erreur pour EAGAIN. Attendre ne changera rien aux autres.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    while (self->got < self->wanted) {
        const ssize_t n =
            read(self->end, self->to + self->got, self->wanted - self->got);

        if (n < 0)
            return NOT_READY;
        if (n <= 0)
            return READY;
        self->got += (size_t)n;
    }
    return READY;
}
/*@end 11.2*/
