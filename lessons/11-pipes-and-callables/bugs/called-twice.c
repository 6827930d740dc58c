/*@answer
cause: DOUBLE CALL
kind: a callable
found: plain
en: Calls twice, to be sure.
fr: Appelle deux fois, pour être sûr.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        callable_call(packet.callable);
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
