/*@answer
cause: WRONG CAPACITY
found: figures
en: The pipe has 65,536 bytes, so as many packets of one byte. But a packet
en: takes a whole slot.
fr: Le tube a 65 536 octets, donc autant de paquets d'un octet. Mais un paquet
fr: prend un emplacement entier.
*/

/*@region 11.1*/
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    lesson_unwrap(pipe2(ends, flags | O_CLOEXEC | O_NONBLOCK), "pipe");
    (void)packet;
    count = fcntl(ends[1], F_GETPIPE_SZ) / (long)bytes;
    close(ends[0]);
    close(ends[1]);
    return count;
}
/*@end 11.1*/
