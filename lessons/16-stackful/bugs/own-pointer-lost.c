/*@answer
cause: WRONG STACK
found: plain
en: coro_yield() keeps its stack pointer in a local variable. Who resumes looks
en: for it in the struct, and finds the old one.
fr: coro_yield() garde son pointeur de pile dans une variable locale. Celui qui
fr: reprend le cherche dans la structure, et y trouve l'ancien.
*/
/*@region 16.4*/
static void *main_stack_pointer;

static void coro_resume(struct coro *self)
{
    current = self;
    coro_switch(&main_stack_pointer, self->stack_pointer);
    current = NULL;
}

static void coro_yield(void)
{
    void *own;

    coro_switch(&own, main_stack_pointer);
}
/*@end 16.4*/
