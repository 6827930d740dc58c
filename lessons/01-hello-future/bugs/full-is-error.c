/*@answer
cause: TRUNCATED
found: case full
en: EAGAIN is taken for an error. It only says: not now, the pipe is full.
fr: EAGAIN est pris pour une erreur. Il dit seulement : pas maintenant, le
fr: tube est plein.
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
    if (n < 0) {
        future->error = -errno;
        self->state = DONE;
        return READY;
    }
    self->written += (size_t)n;
    if (self->written < self->length)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
