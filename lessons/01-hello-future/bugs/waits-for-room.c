/*@answer
cause: BLOCKS THE OTHERS
found: case full
en: Waits in the poll until the pipe has room.
fr: Attend dans le sondage que le tube ait de la place.
*/

/*@region 1.2*/
#include <poll.h>

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

    poll(&(struct pollfd){self->out, POLLOUT, 0}, 1, -1);
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
