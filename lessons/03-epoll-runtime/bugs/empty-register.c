/*@answer
cause: LOST WAKE
kind: nothing registered
found: plain
en: The event is filled in, and epoll_ctl() is never called with it.
fr: L'évènement est rempli, mais epoll_ctl() n'est jamais appelée avec lui.
*/
/*@region 3.1*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    struct epoll_event event = {.events = interest, .data.u64 = token};

    (void)event;
    lesson_unwrap(self->epoll, "registry");
    lesson_unwrap(stream, "stream");
}
/*@end 3.1*/
