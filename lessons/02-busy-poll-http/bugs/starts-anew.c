/*@answer
cause: STARTS ANEW
found: plain
en: The function is written as if it ran once, from top to bottom. Each poll
en: begins at the top again: a new connection, a new request, no answer ever.
fr: La fonction est écrite comme si elle s'exécutait une fois, de haut en bas.
fr: Chaque sondage recommence en haut : une nouvelle connexion, une nouvelle
fr: requête, et jamais de réponse.
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

    lesson_log("Program starting");
    self->get = http_get(self->port, lesson_path(0));
    if (get->poll(get) == NOT_READY)
        return NOT_READY;
    future->error = lesson_print(&self->get.request);
    if (future->error)
        return READY;
    self->get = http_get(self->port, lesson_path(1));
    if (get->poll(get) == NOT_READY)
        return NOT_READY;
    future->error = lesson_print(&self->get.request);
    return READY;
}
/*@end 2.2*/
