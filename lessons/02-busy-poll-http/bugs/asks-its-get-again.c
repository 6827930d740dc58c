/*@answer
cause: NEVER YIELDED
kind: a GET
found: plain
en: async_main polls its GET until it is READY, all in one poll of its own: the
    loop of run() has no turn.
fr: async_main sonde son GET jusqu'à READY dans un seul de ses sondages : la
    boucle de run() n'a pas son tour.
*/

/*@region 2.2*/
struct async_main {
    struct future future;
    int port;
};

static enum poll_state async_main_poll(struct future *future)
{
    struct async_main *self = (struct async_main *)future;

    for (int i = 0; i < 2 && !future->error; i++) {
        struct http_get_future get = http_get(self->port, lesson_path(i));

        while (get.future.poll(&get.future) == NOT_READY)
            lesson_log("Schedule other tasks");
        future->error = lesson_print(&get.request);
    }
    return READY;
}
/*@end 2.2*/
