/*@answer
cause: LIBC ON A BARE THREAD
found: plain
en: printf() in the bare thread, to see that it lives. It works, nearly always:
en: the lock of stdout is taken in main's name.
fr: printf() dans le thread nu, pour voir qu'il vit. Cela marche, presque
fr: toujours : le verrou de stdout est pris au nom de main.
*/
/*@region 12.5*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    four numbers;

    while (sys3(SYS_read, self->jobs[0], (long)&numbers, 16) == 16) {
        printf("a job: %d\n", numbers[0]);
        numbers = square(numbers);
        sys3(SYS_write, self->results[1], (long)&numbers, 16);
    }
    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
