/*@answer
cause: NO REPLY
found: plain
en: Reads once, answers once, and ends. A bare thread is there for many jobs.
fr: Lit une fois, répond une fois, et se termine. Un thread nu est là pour
fr: beaucoup de travaux.
*/
/*@region 12.5*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    four numbers;

    sys3(SYS_read, self->jobs[0], (long)&numbers, 16);
    numbers = square(numbers);
    sys3(SYS_write, self->results[1], (long)&numbers, 16);
    sys3(SYS_close, self->results[1], 0, 0);
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
