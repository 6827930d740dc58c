/*@answer
cause: TRUNCATED
found: plain
en: Reads the address, and the size with the next read. In packet mode the rest
en: of a packet is thrown away.
fr: Lit l'adresse, et la taille à la lecture suivante. En mode paquet, le reste
fr: d'un paquet est jeté.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet.callable, 8) == 8) {
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
