/*@answer
cause: SHARED STATE
found: case two
en: A static variable for the numbers, to spare the stack: with two bare
en: threads, one reads its job over that of the other.
fr: Une variable static pour les nombres, pour ménager la pile : avec deux
fr: threads nus, l'un lit son travail par-dessus celui de l'autre.
*/

/*@region 12.5*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    static four numbers;

    while (sys3(SYS_read, self->jobs[0], (long)&numbers, 16) == 16) {
        numbers = square(numbers);
        sys3(SYS_write, self->results[1], (long)&numbers, 16);
    }
    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
