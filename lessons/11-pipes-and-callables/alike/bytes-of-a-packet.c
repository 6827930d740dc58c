/*@answer
en: The packet comes as bytes, and is copied into the struct.
fr: Le paquet vient comme des octets, copiés ensuite dans la structure.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    char bytes[PACKET_BYTES];
    struct packet packet;
    ssize_t n;

    do {
        n = read(jobs, bytes, sizeof(bytes));
        if (n != PACKET_BYTES)
            break;
        memcpy(&packet, bytes, sizeof(packet));
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    } while (n > 0);
    close(jobs);
    close(done);
}
/*@end 11.5*/
