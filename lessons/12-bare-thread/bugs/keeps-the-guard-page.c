/*@answer
cause: STACK LEFT BEHIND
found: case jobs
en: Gives back what it could use of the stack, without the guard page: that one
en: stays, at each thread.
fr: Rend ce qui pouvait servir de la pile, sans la page de garde : celle-ci
fr: reste, à chaque thread.
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
    thread_end((char *)self->stack + GUARD_BYTES, self->size - GUARD_BYTES);
}
/*@end 12.5*/
