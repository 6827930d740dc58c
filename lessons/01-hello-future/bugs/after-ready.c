/*@answer
cause: POLLED AFTER READY
found: case after
en: There is no DONE: the position goes back to the start, so a poll after
en: READY writes the text again.
fr: Il n'y a pas de DONE : la position revient au début, donc un sondage après
fr: READY écrit le texte une deuxième fois.
*/
/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    size_t piece = self->length - self->written;
    ssize_t n;

    if (self->state == START)
        lesson_log("First poll - start operation");
    self->state = WRITING;
    n = write(self->out, self->text + self->written,
              piece < PIECE ? piece : PIECE);
    if (n < 0 && errno == EAGAIN)
        return NOT_READY;
    if (n < 0) {
        future->error = -errno;
        return READY;
    }
    self->written += (size_t)n;
    if (self->written < self->length)
        return NOT_READY;
    self->state = START;
    self->written = 0;
    return READY;
}
/*@end 1.2*/
