/*@answer
cause: NO REPLY
found: plain
en: Calls, and says it to nobody.
fr: Appelle, et ne le dit à personne.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        callable_call(packet.callable);
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
