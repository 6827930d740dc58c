/*@answer
cause: NEVER STOPS
found: plain
en: Waits for the thread without telling it that no more comes.
fr: Attend le thread sans lui dire que plus rien ne vient.
*/

/*@region 11.4*/
static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    const struct packet packet = {callable, callable->bytes};

    return write(self->jobs[1], &packet, PACKET_BYTES) == PACKET_BYTES;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    pthread_join(self->thread, NULL);
    close(self->done[0]);
}
/*@end 11.4*/
