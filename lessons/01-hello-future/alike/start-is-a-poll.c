/*@answer
en: The first poll only starts: it logs, writes nothing and says NOT_READY.
en: One poll more, and just as right. Smaller pieces than PIECE as well.
fr: Le premier sondage ne fait que commencer : il journalise, n'écrit rien et
fr: dit NOT_READY. Un sondage de plus, et tout aussi juste. Les morceaux sont
fr: aussi plus petits que PIECE.
*/
/*@region 1.2*/
enum { SMALL = 5 };

static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    size_t piece = self->length - self->written;
    ssize_t n;

    if (self->state == DONE)
        return READY;
    if (self->state == START) {
        lesson_log("First poll - start operation");
        self->state = WRITING;
        return NOT_READY;
    }
    if (piece > SMALL)
        piece = SMALL;
    n = write(self->out, self->text + self->written, piece);
    if (n < 0) {
        if (errno == EAGAIN)
            return NOT_READY;
        future->error = -errno;
    } else {
        self->written += (size_t)n;
    }
    if (n >= 0 && self->written < self->length)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
/*@region 1.3*/
static void run_to_end(struct future *task)
{
    for (;;) {
        if (poll_task(task))
            break;
        lesson_log("Schedule other tasks");
    }
}
/*@end 1.3*/
