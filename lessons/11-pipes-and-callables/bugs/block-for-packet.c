/*@answer
cause: WRONG PACKET
found: plain
en: Writes the first 16 bytes of the block, not its address.
fr: Écrit les 16 premiers octets du bloc, et non son adresse.
*/

/*@region 11.4*/
static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    return write(self->jobs[1], callable, PACKET_BYTES) == PACKET_BYTES;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    close(self->jobs[1]);
    pthread_join(self->thread, NULL);
    close(self->done[0]);
}
/*@end 11.4*/
