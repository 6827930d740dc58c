/*@answer
cause: WRONG INTEREST
found: plain
en: EPOLLOUT says that one may write. That is so at once, so epoll_wait does
en: not sleep; what is waited for are data to read.
fr: EPOLLOUT dit qu'on peut écrire. C'est vrai tout de suite, donc epoll_wait
fr: ne dort pas ; ce qu'on attend, ce sont des données à lire.
*/
/*@region 3.1*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    struct epoll_event event = {.events = interest | EPOLLOUT,
                                .data.u64 = token};

    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}
/*@end 3.1*/
