/*@answer
cause: WRONG RETURN ADDRESS
kind: nobody to return to
found: plain
en: The function returns at its end, as pthread functions do. Nobody has called
en: it.
fr: La fonction revient à sa fin, comme celles de pthread. Personne ne l'a
fr: appelée.
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
}
/*@end 12.5*/
