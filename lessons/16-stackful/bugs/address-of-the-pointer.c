/*@answer
cause: WRONG STACK
found: plain
en: An `&` too much: the switch goes to where main's stack pointer is kept, and
en: not to where it points.
fr: Un `&` de trop : on passe là où le pointeur de pile de main est gardé, et
fr: non là où il pointe.
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
    coro_switch(&current->stack_pointer, &main_stack_pointer);
}
/*@end 16.4*/
