/*@answer
cause: DANGLING CALLABLE
found: plain
en: Frees the callable, as it has been called. The result is in it.
fr: Libère le callable, puisqu'il a été appelé. Le résultat est dedans.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        callable_call(packet.callable);
        free(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
