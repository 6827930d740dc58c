/*@answer
cause: TRUNCATED
kind: write() failed
found: case piece
en: The descriptor and the bytes have changed places.
fr: Le descripteur et les octets ont échangé leurs places.
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

    n = write(self->written, self->text + self->out,
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
