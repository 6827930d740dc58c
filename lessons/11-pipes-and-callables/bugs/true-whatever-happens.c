/*@answer
cause: ERROR LOST
found: case submit
en: Says true without a look at what write() said.
fr: Dit true sans regarder ce que write() a répondu.
*/

/*@region 11.4*/
static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    const struct packet packet = {callable, callable->bytes};

    write(self->jobs[1], &packet, PACKET_BYTES);
    return true;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    close(self->jobs[1]);
    pthread_join(self->thread, NULL);
    close(self->done[0]);
}
/*@end 11.4*/
