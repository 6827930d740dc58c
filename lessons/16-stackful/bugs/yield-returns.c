/*@answer
cause: WRONG STACK
found: plain
en: coro_yield() does nothing: the first resume runs to the end.
fr: coro_yield() ne fait rien : la première reprise va jusqu'au bout.
*/
/*@region 16.4*/
static void *main_stack_pointer; /* while a coroutine runs */

static void coro_resume(struct coro *self)
{
    current = self;
    coro_switch(&main_stack_pointer, self->stack_pointer);
    current = NULL;
}

static void coro_yield(void)
{
    (void)current;
}
/*@end 16.4*/
