/*@answer
cause: ENDED EARLY
found: plain
en: exit_group instead of the end of a thread: main ends as well, before it has
en: read the last result.
fr: exit_group au lieu de la fin d'un thread : main se termine aussi, avant
fr: d'avoir lu la fin des résultats.
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
    sys3(SYS_close, self->results[1], 0, 0);
    sys3(SYS_exit_group, 0, 0, 0);
}
/*@end 12.5*/
