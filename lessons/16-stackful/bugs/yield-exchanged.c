/*@answer
cause: WRONG STACK
found: plain
en: The two arguments of the switch in coro_yield() are exchanged: it goes to
en: the coroutine's own old stack pointer.
fr: Les deux arguments du changement sont échangés dans coro_yield() : elle va
fr: à l'ancien pointeur de pile de la coroutine elle-même.
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
    coro_switch(&main_stack_pointer, current->stack_pointer);
}
/*@end 16.4*/
