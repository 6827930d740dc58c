/*@answer
cause: TOO MUCH WRITTEN
found: case full
en: What a failed write() returns is added as well: a byte is written twice.
fr: Ce que renvoie un write() raté est ajouté aussi : un octet est écrit deux
fr: fois.
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
    self->written += (size_t)n;
    if (n < 0 && errno != EAGAIN)
        future->error = -errno;
    if (self->written < self->length && !future->error)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
