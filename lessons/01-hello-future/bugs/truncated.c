/*@answer
cause: TRUNCATED
found: case small
en: The answer of write() is thrown away: a short write is taken for the whole
en: piece, and what did not fit is never written.
fr: La réponse de write() est jetée : une écriture partielle est prise pour le
fr: morceau entier, et ce qui n'est pas entré n'est jamais écrit.
*/
/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    size_t piece = self->length - self->written;

    if (self->state == DONE)
        return READY;
    if (self->state == START)
        lesson_log("First poll - start operation");
    self->state = WRITING;
    if (piece > PIECE)
        piece = PIECE;
    if (write(self->out, self->text + self->written, piece) < 0 &&
        errno != EAGAIN) {
        future->error = -errno;
        return READY;
    }
    self->written += piece;
    if (self->written < self->length)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
