/*@answer
cause: WRONG CAPACITY
found: case fit
en: Asks poll() whether there is room. poll() looks for a free slot; the last
en: page is not full then.
fr: Demande à poll() s'il y a de la place. poll() cherche un emplacement
fr: libre ; la dernière page n'est alors pas pleine.
*/

/*@region 11.1*/
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    lesson_unwrap(pipe2(ends, flags | O_CLOEXEC | O_NONBLOCK), "pipe");
    while (poll(&(struct pollfd){ends[1], POLLOUT, 0}, 1, 0) == 1) {
        if (write(ends[1], packet, bytes) != (ssize_t)bytes)
            break;
        count++;
    }
    close(ends[0]);
    close(ends[1]);
    return count;
}
/*@end 11.1*/
