/*@answer
en: An index instead of named states: as many GETs as there are paths.
fr: Un indice au lieu d'états nommés : autant de GET qu'il y a de chemins.
*/
/*@region 2.2*/
struct async_main {
    struct future future;
    int port;
    int next; /* path */
    bool waiting;
    struct http_get_future get;
};

static enum poll_state async_main_poll(struct future *future)
{
    struct async_main *self = (struct async_main *)future;

    if (self->next == 0 && !self->waiting)
        lesson_log("Program starting");
    while (self->next < 2) {
        if (!self->waiting)
            self->get = http_get(self->port, lesson_path(self->next));
        self->waiting = true;
        if (self->get.future.poll(&self->get.future) == NOT_READY)
            return NOT_READY;
        self->waiting = false;
        self->next++;
        if ((future->error = lesson_print(&self->get.request)) != 0)
            break;
    }
    return READY;
}
/*@end 2.2*/
/*@region 2.3*/
static void run(struct future *task, struct future *other, long sleep_ms)
{
    enum poll_state state;

    for (state = poll_task(task); state != READY; state = poll_task(task)) {
        lesson_log("Schedule other tasks");
        (*other->poll)(other);
        if (sleep_ms != 0)
            sleep_between_polls(sleep_ms);
    }
}
/*@end 2.3*/
