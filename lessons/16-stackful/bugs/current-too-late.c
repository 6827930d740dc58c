/*@answer
cause: WRONG OWNER
kind: current
found: plain
en: Sets `current` after the switch, where it runs only when the coroutine has
en: yielded.
fr: Fixe `current` derrière le changement de pile, où cela ne s'exécute qu'une
fr: fois que la coroutine a cédé.
*/
/*@region 16.4*/
static void *main_stack_pointer;

static void coro_resume(struct coro *self)
{
    coro_switch(&main_stack_pointer, self->stack_pointer);
    current = self;
}

static void coro_yield(void)
{
    coro_switch(&current->stack_pointer, main_stack_pointer);
}
/*@end 16.4*/
