/*@answer
cause: CLOSED TWICE
found: plain
en: Closes all four ends, to be sure. Two of them are the pipe thread's, and it
en: has closed them.
fr: Ferme les quatre bouts, pour être sûr. Deux sont au thread à tubes, qui les
fr: a fermés.
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
    close(self->jobs[1]);
    pthread_join(self->thread, NULL);
    close(self->done[0]);
    close(self->jobs[0]);
    close(self->done[1]);
}
/*@end 11.4*/
