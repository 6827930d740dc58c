/*@answer
cause: NEVER YIELDED
kind: a GET
en: WAIT_1 goes on into WAIT_2 when its GET is NOT_READY too, so one poll asks
    the first GET twice. It looks right as long as the answer of the second
    time is NOT_READY as well.
fr: WAIT_1 enchaîne sur WAIT_2 même quand son GET est NOT_READY : un sondage
    demande donc deux fois au premier GET. Tout semble juste tant que la
    seconde réponse est NOT_READY elle aussi.
*/

/*@region 2.2*/
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get; /* the one it waits for */
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
        if (get->poll(get) == READY) {
            future->error = lesson_print(&self->get.request);
            if (future->error)
                return READY;
            self->get = http_get(self->port, lesson_path(1));
            self->state = WAIT_2;
        }
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get) == READY) {
            future->error = lesson_print(&self->get.request);
            return READY;
        }
    }
    return NOT_READY;
}
/*@end 2.2*/
