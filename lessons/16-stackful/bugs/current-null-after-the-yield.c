/*@answer
cause: WRONG OWNER
kind: current
found: plain
en: Sets `current` to NULL after the switch in coro_yield(): that runs when it
en: was resumed, and `current` is its own again.
fr: Met `current` à NULL derrière le changement dans coro_yield() : cela
fr: s'exécute à la reprise, quand `current` est de nouveau le sien.
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
    struct coro *self = current;

    current = NULL;
    coro_switch(&self->stack_pointer, main_stack_pointer);
    current = NULL;
}
/*@end 16.4*/
