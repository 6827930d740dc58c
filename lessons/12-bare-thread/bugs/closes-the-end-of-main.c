/*@answer
cause: CLOSED TWICE
found: plain
en: Closes main's end of the pipe as well. The descriptors are shared: main has
en: closed it already.
fr: Ferme aussi le bout de main. Les descripteurs sont partagés : main l'a déjà
fr: fermé.
*/
/*@region 12.5*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    four numbers;

    while (sys3(SYS_read, self->jobs[0], (long)&numbers, 16) == 16) {
        numbers = square(numbers);
        sys3(SYS_write, self->results[1], (long)&numbers, 16);
    }
    sys3(SYS_close, self->jobs[1], 0, 0);
    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
