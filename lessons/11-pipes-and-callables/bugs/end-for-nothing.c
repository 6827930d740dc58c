/*@answer
cause: NEVER STOPS
found: plain
en: Takes the end, 0 bytes, for "no packet yet", and reads again.
fr: Prend la fin, 0 octet, pour « pas encore de paquet », et relit.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    for (;;) {
        if (read(jobs, &packet, PACKET_BYTES) != PACKET_BYTES)
            continue;
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
