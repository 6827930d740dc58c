/*@answer
cause: NO REPLY
found: plain
en: Does one job, and returns: the thread is at its end, and five jobs wait.
fr: Fait un travail et revient : le thread est fini, et cinq travaux attendent.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    if (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            return;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
