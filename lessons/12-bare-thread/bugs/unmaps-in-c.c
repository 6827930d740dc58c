/*@answer
cause: STACK GONE
found: plain
en: Gives the stack back before it ends the thread, and calls a function on it
en: after that.
fr: Rend la pile avant de terminer le thread, et appelle ensuite une fonction
fr: qui s'en sert.
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
    sys3(SYS_munmap, (long)self->stack, (long)self->size, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
