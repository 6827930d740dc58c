/*@answer
cause: CLOSED TWICE
found: plain
en: Closes the results twice, to be sure. In between main may have opened
en: something under that number.
fr: Ferme les résultats deux fois, pour être sûr. Entre les deux, main a pu
fr: ouvrir autre chose sous ce numéro.
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
    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
