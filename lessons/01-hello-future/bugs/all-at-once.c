/*@answer
cause: NEVER YIELDED
found: case piece
en: The loop is inside the poll: it comes back only when all is written. That
en: is sync_hello() in another coat; nobody else has a turn meanwhile.
fr: La boucle est dans le sondage : il ne revient qu'une fois tout écrit.
fr: C'est sync_hello() sous un autre habit ; personne d'autre n'a son tour.
*/
/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;

    if (self->state == START)
        lesson_log("First poll - start operation");
    while (self->written < self->length) {
        const ssize_t n = write(self->out, self->text + self->written,
                                self->length - self->written);

        if (n > 0)
            self->written += (size_t)n;
        if (n < 0 && errno != EAGAIN) {
            future->error = -errno;
            break;
        }
    }
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
