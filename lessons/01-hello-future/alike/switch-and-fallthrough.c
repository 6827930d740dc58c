/*@answer
en: A switch over the state, one step a case.
fr: Un switch sur l'état, une étape par cas.
*/
/*@region 1.2*/
static ssize_t write_piece(struct hello *self)
{
    const size_t left = self->length - self->written;

    return write(self->out, &self->text[self->written],
                 left > PIECE ? PIECE : left);
}

static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    ssize_t n;

    switch (self->state) {
    case START:
        lesson_log("First poll - start operation");
        self->state = WRITING;
        /* fall through */
    case WRITING:
        n = write_piece(self);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return NOT_READY;
        if (n < 0) {
            self->future.error = -errno;
            self->state = DONE;
            return READY;
        }
        self->written += (size_t)n;
        if (self->written != self->length)
            return NOT_READY;
        self->state = DONE;
        /* fall through */
    case DONE:
    default:
        return READY;
    }
}
/*@end 1.2*/
/*@region 1.3*/
static void run_to_end(struct future *task)
{
    enum poll_state state;

    do {
        state = poll_task(task);
        if (state != READY)
            lesson_log("Schedule other tasks");
    } while (state != READY);
}
/*@end 1.3*/
