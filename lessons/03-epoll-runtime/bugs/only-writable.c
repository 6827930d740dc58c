/*@answer
cause: WRONG INTEREST
found: plain
en: `interest` is not used: only EPOLLOUT is registered. The socket can always
en: be written to, so the event is there at once, again and again.
fr: `interest` n'est pas utilisé : seul EPOLLOUT est demandé. On peut toujours
fr: écrire dans la socket, donc l'évènement est là tout de suite, sans cesse.
*/
/*@region 3.1*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    (void)interest;
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = token};

    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}
/*@end 3.1*/
