/*@answer
en: Calls itself for the rest, and leaves a gap before the result even where
en: none is needed.
fr: S'appelle elle-même pour le reste, et laisse un vide avant le résultat même
fr: là où il n'en faut pas.
*/

/*@region 11.2*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    ssize_t n;

    if (self->got == self->wanted)
        return READY;
    errno = 0;
    n = read(self->end, &self->to[self->got], self->wanted - self->got);
    if (n > 0) {
        self->got += (size_t)n;
        return pipe_read_poll(self);
    }
    return errno == EAGAIN ? NOT_READY : READY;
}
/*@end 11.2*/

/*@region 11.3*/
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    const size_t result_at = (state_bytes / 16 + 1) * 16;
    const size_t bytes = sizeof(struct callable) + result_at + result_bytes;
    struct callable *self = malloc(bytes);

    lesson_unwrap(self ? 0 : -1, "memory");
    *self = (struct callable){call, bytes, result_at};
    memcpy(self->state, state, state_bytes);
    return self;
}

static void callable_call(struct callable *self)
{
    self->call(self->state, callable_result(self));
}
/*@end 11.3*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) > 0) {
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
