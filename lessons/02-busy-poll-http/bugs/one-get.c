/*@answer
cause: FORGOTTEN TASK
found: plain
en: READY after the first GET: the second one is never sent.
fr: READY après le premier GET : le second n'est jamais envoyé.
*/
/*@region 2.2*/
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get;
};

static enum poll_state async_main_poll(struct future *future)
{
    struct async_main *self = (struct async_main *)future;
    struct future *get = &self->get.future;

    if (self->state == START) {
        lesson_log("Program starting");
        self->get = http_get(self->port, lesson_path(0));
        self->state = WAIT_1;
    }
    if (get->poll(get) == NOT_READY)
        return NOT_READY;
    future->error = lesson_print(&self->get.request);
    return READY;
}
/*@end 2.2*/
