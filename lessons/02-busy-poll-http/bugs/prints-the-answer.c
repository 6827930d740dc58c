/*@answer
cause: NOTHING WAS ASKED
found: plain
en: It prints what the lesson is expected to print. The server saw no request.
fr: Elle affiche ce que la leçon est censée afficher. Le serveur n'a vu aucune
fr: requête.
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

    (void)http_get;
    if (self->state == START)
        lesson_log("Program starting");
    self->state = WAIT_1;
    lesson_log("First poll - start operation");
    lesson_logf("%s", strrchr(lesson_path(0), '/') + 1);
    lesson_log("First poll - start operation");
    lesson_logf("%s", strrchr(lesson_path(1), '/') + 1);
    return READY;
}
/*@end 2.2*/
