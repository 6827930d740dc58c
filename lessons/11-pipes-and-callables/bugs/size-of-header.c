/*@answer
cause: WRONG PACKET
found: plain
en: sizeof knows the header only, not the state and the result behind it.
fr: sizeof ne connaît que l'en-tête, pas l'état ni le résultat qui le suivent.
*/

/*@region 11.4*/
static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    const struct packet packet = {callable, sizeof(*callable)};

    return write(self->jobs[1], &packet, PACKET_BYTES) == PACKET_BYTES;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    close(self->jobs[1]);
    pthread_join(self->thread, NULL);
    close(self->done[0]);
}
/*@end 11.4*/
