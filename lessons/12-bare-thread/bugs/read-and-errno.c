/*@answer
cause: LIBC ON A BARE THREAD
found: plain
en: Calls read() and write() as everywhere else, and looks at errno: that is
en: main's variable, written by two threads.
fr: Appelle read() et write() comme partout ailleurs, et regarde errno : c'est
fr: la variable de main, écrite par deux threads.
*/
/*@region 12.5*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    four numbers;

    for (;;) {
        const ssize_t n = read(self->jobs[0], &numbers, sizeof(numbers));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        numbers = square(numbers);
        if (write(self->results[1], &numbers, sizeof(numbers)) < 0)
            break;
    }
    close(self->results[1]);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
