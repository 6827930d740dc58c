/*@answer
en: Moves the text on instead of counting, and says READY one poll after the
en: last piece.
fr: Avance le texte au lieu de compter, et répond READY un sondage après le
fr: dernier morceau.
*/

/*@region 1.1*/
struct hello {
    struct future future; /* first member: a pointer to it can be cast */
    enum { START, WRITING, DONE } state;
    int out;
    const char *text;
    size_t written; /* of length */
};

static struct hello hello_new(int out, const char *text)
{
    return (struct hello){
        .future.poll = hello_poll,
        .state = START,
        .out = out,
        .text = text,
    };
}
/*@end 1.1*/

/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;

    switch (self->state) {
    case START:
        lesson_log("First poll - start operation");
        self->state = WRITING;
        /* fallthrough */
    case WRITING: {
        const size_t left = strlen(self->text);
        const ssize_t n =
            write(self->out, self->text, left > PIECE ? PIECE : left);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            self->future.error = -errno;
        else if (n > 0)
            self->text += n;
        if (n < 0 ? self->future.error != 0 : *self->text == 0)
            self->state = DONE;
        return self->future.error ? READY : NOT_READY;
    }
    default:
        return READY;
    }
}
/*@end 1.2*/

/*@region 1.3*/
static void run_to_end(struct future *task)
{
    for (;;) {
        if (poll_task(task) == READY)
            return;
        lesson_log("Schedule other tasks");
    }
}
/*@end 1.3*/
