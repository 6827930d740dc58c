/*@answer
cause: FULL PIPE
found: plain
en: Writes until it is full, and does not say that it would rather not wait.
fr: Écrit jusqu'à ce qu'il soit plein, sans dire qu'il préfère ne pas attendre.
*/

/*@region 11.1*/
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    lesson_unwrap(pipe2(ends, flags | O_CLOEXEC), "pipe");
    while (write(ends[1], packet, bytes) == (ssize_t)bytes)
        count++;
    close(ends[0]);
    close(ends[1]);
    return count;
}
/*@end 11.1*/
