/*@answer
cause: CLOSED TOO EARLY
found: case submit
en: Closes both ends, and waits for the thread after that. Its next byte would
en: end the whole program.
fr: Ferme les deux bouts, et attend le thread ensuite. Le prochain octet de
fr: celui-ci mettrait fin à tout le programme.
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
    close(self->done[0]);
    pthread_join(self->thread, NULL);
}
/*@end 11.4*/
