/*@answer
en: No state but the position: 0 is the start, the length is the end.
fr: Pas d'autre état que la position : 0 est le début, la longueur est la fin.
*/
/*@region 1.1*/
struct hello {
    struct future future;
    int out;
    const char *at;
    bool started;
};

static struct hello hello_new(int out, const char *text)
{
    struct hello hello;

    memset(&hello, 0, sizeof(hello));
    hello.future.poll = hello_poll;
    hello.out = out;
    hello.at = text;
    return hello;
}
/*@end 1.1*/
/*@region 1.2*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    ssize_t n;

    if (!self->started)
        lesson_log("First poll - start operation");
    self->started = true;
    if (future->error || *self->at == '\0')
        return READY;

    n = write(self->out, self->at, strnlen(self->at, PIECE));
    if (n < 0) {
        if (errno == EAGAIN)
            return NOT_READY;
        future->error = -errno;
        return READY;
    }
    self->at += n;
    return *self->at ? NOT_READY : READY;
}
/*@end 1.2*/
