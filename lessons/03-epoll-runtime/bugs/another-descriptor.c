/*@answer
cause: LOST WAKE
kind: another descriptor
found: plain
en: The read end of a new pipe is registered, and not stream.
fr: C'est un tube neuf qui est abonné, et non stream.
*/

/*@region 3.1*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    struct epoll_event event = {.events = interest, .data.u64 = token};
    int ends[2];

    (void)stream;
    lesson_unwrap(pipe2(ends, O_NONBLOCK | O_CLOEXEC), "pipe");
    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, ends[0], &event),
                  "register");
}
/*@end 3.1*/
