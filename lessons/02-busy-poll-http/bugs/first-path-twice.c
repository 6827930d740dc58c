/*@answer
cause: ASKED FOR SOMETHING ELSE
found: plain
todo: 2.2
en: The second GET asks for the first path again.
fr: Le second GET redemande le premier chemin.
*/
/*@region 2.2*/
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get; /* the one that is waited for */
};

static enum poll_state async_main_poll(struct future *future)
{
    struct async_main *self = (struct async_main *)future;
    struct future *get = &self->get.future;

    switch (self->state) {
    case START:
        lesson_log("Program starting");
        self->get = http_get(self->port, lesson_path(0));
        self->state = WAIT_1;
        __attribute__((fallthrough));
    case WAIT_1:
        if (get->poll(get) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
        if (future->error)
            return READY;
        self->get = http_get(self->port, lesson_path(0));
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
    }
    return READY;
}
/*@end 2.2*/
