/*@answer
en: O_NONBLOCK set afterwards, and the end found by errno.
fr: O_NONBLOCK mis après coup, et la fin trouvée par errno.
*/

/*@region 11.1*/
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    lesson_unwrap(pipe2(ends, flags | O_CLOEXEC), "pipe");
    fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
    for (;;) {
        if (write(ends[1], packet, bytes) < 0 && errno == EAGAIN)
            break;
        count++;
    }
    close(ends[0]);
    close(ends[1]);
    return count;
}
/*@end 11.1*/
