/*@answer
cause: DANGLING CALLABLE
found: case loop
en: Notes in the callable that it is done, behind the byte: main may have freed
en: it by then.
fr: Note dans le callable qu'il est fait, après l'octet : main l'a peut-être
fr: déjà libéré.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
        packet.callable->bytes = 0; /* done */
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
