/*@answer
cause: SHARED STATE
found: case two
en: Keeps the position in a static variable: two of them share it.
fr: Garde la position dans une variable statique : deux futures se la
fr: partagent.
*/

/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    static size_t written;
    size_t piece;
    ssize_t n;

    if (self->state == DONE)
        return READY;
    if (self->state == START) {
        written = 0;
        lesson_log("First poll - start operation");
    }
    self->state = WRITING;

    piece = self->length - written;
    n = write(self->out, self->text + written, piece < PIECE ? piece : PIECE);
    if (n > 0)
        written += (size_t)n;
    else if (n < 0 && errno != EAGAIN)
        future->error = -errno;
    if (written < self->length && !future->error)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
