/*@answer
cause: ERROR LOST
found: case error
en: After a failed write it says READY, as if all were well: nobody learns
en: that nothing was written.
fr: Après une écriture ratée, elle dit READY, comme si tout allait bien :
fr: personne n'apprend que rien n'a été écrit.
*/
/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    size_t piece = self->length - self->written;
    ssize_t n;

    if (self->state == DONE)
        return READY;
    if (self->state == START)
        lesson_log("First poll - start operation");
    self->state = WRITING;
    n = write(self->out, self->text + self->written,
              piece < PIECE ? piece : PIECE);
    if (n < 0 && errno == EAGAIN)
        return NOT_READY;
    if (n > 0)
        self->written += (size_t)n;
    if (n > 0 && self->written < self->length)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
