/*@answer
cause: REPLY TOO EARLY
found: plain
en: The byte first, "so that main can go on". Main frees the callable while it
en: runs, as the article's Drop does.
fr: L'octet d'abord, « pour que main puisse continuer ». main libère le callable
fr: pendant qu'il tourne, comme le Drop de l'article.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        if (write(done, "", 1) != 1)
            break;
        callable_call(packet.callable);
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
