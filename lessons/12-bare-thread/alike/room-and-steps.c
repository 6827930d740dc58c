/*@answer
en: More room than needed between the words, pushed one by one, and the job is
en: read in a loop until it is whole.
fr: Plus de place qu'il n'en faut entre les mots, empilés un à un, et le
fr: travail est lu en boucle jusqu'à être entier.
*/
/*@region 12.3*/
static void *push(void *top, const void *value, size_t length)
{
    return memcpy((char *)top - length, value, length);
}

static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    void *top = stack + size - 512;
    void *copy = top;
    uintptr_t address = (uintptr_t)enter;

    memcpy(copy, args, length);
    for (int i = 0; i < 3; i++) {
        const uintptr_t zero = 0;

        top = push(top, &zero, sizeof(zero));
    }
    top = push(top, &address, sizeof(address));
    return push(top, &copy, sizeof(copy));
}
/*@end 12.3*/
/*@region 12.5*/
static bool read_job(const struct bare_thread *self, four *job)
{
    size_t got = 0;

    while (got < sizeof(*job)) {
        const long n = sys3(SYS_read, self->jobs[0], (long)job + (long)got,
                            (long)(sizeof(*job) - got));

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static void bare_main(void *args)
{
    const struct bare_thread self = *(const struct bare_thread *)args;
    four job;

    while (read_job(&self, &job)) {
        const four squares = square(job);

        sys3(SYS_write, self.results[1], (long)&squares, sizeof(squares));
    }
    sys3(SYS_close, self.jobs[0], 0, 0);
    sys3(SYS_close, self.results[1], 0, 0);
    thread_end(self.stack, self.size);
}
/*@end 12.5*/
