/*@answer
en: do-while, a struct of its own for the packet, and an abort() that never
en: comes.
fr: do-while, une struct à elle pour le paquet, et un abort() qui ne vient
fr: jamais.
*/

/*@region 11.5*/
static void pipe_thread_loop(int jobs, int done)
{
    struct {
        struct callable *it;
        size_t bytes;
    } got;
    const char byte = 'x';

    for (;;) {
        if (read(jobs, &got, sizeof(got)) < (ssize_t)sizeof(got))
            break;
        callable_call(got.it);
        write(done, &byte, sizeof(byte)) == 1 ? 0 : abort();
    }
    close(done);
    close(jobs);
}
/*@end 11.5*/

/*@region 11.1*/
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    int ends[2];
    long n = 0;
    ssize_t last;

    lesson_unwrap(pipe2(ends, flags), "pipe");
    fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) | O_NONBLOCK);
    do {
        last = write(ends[1], packet, bytes);
        n += last > 0;
    } while (last > 0);
    lesson_unwrap(errno == EAGAIN ? 0 : -1, "full");
    close(ends[1]);
    close(ends[0]);
    return n;
}
/*@end 11.1*/
