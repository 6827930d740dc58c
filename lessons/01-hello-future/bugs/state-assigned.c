/*@answer
cause: TRUNCATED
kind: nothing written
found: case piece
en: = for ==: each poll says that all is done.
fr: = au lieu de == : chaque sondage dit que tout est fait.
*/
/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    size_t piece = self->length - self->written;
    ssize_t n;

    if (self->state = DONE)
        return READY;
    if (self->state == START)
        lesson_log("First poll - start operation");
    self->state = WRITING;

    n = write(self->out, self->text + self->written,
              piece < PIECE ? piece : PIECE);
    if (n > 0)
        self->written += (size_t)n;
    else if (n < 0 && errno != EAGAIN)
        future->error = -errno;
    if (self->written < self->length && !future->error)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
