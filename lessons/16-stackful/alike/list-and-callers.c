/*@answer
en: A queue of those that are not done, the last first at the beginning; each
en: resume keeps where it came from on its own stack, so that a coroutine could
en: resume others.
fr: Une file de celles qui ne sont pas finies, la dernière d'abord au début ;
fr: chaque reprise garde d'où elle vient sur sa propre pile : une coroutine
fr: pourrait en reprendre d'autres.
*/
/*@region 16.4*/
static void **caller_stack_pointer;

static void coro_resume(struct coro *self)
{
    struct coro *before = current;
    void **caller_before = caller_stack_pointer;
    void *own;

    current = self;
    caller_stack_pointer = &own;
    coro_switch(&own, self->stack_pointer);
    caller_stack_pointer = caller_before;
    current = before;
}

static void coro_yield(void)
{
    struct coro *self = current;

    coro_switch(&self->stack_pointer, *caller_stack_pointer);
}
/*@end 16.4*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    struct coro **queue = malloc((size_t)count * sizeof(*queue));
    int first = 0, length = count;

    lesson_expect(queue, "no memory");
    for (int i = 0; i < count; i++)
        queue[i] = &coros[count - 1 - i];
    while (length > 0) {
        struct coro *one = queue[first];

        first = (first + 1) % count;
        length--;
        coro_resume(one);
        if (one->done)
            stack_free(one);
        else
            queue[(first + length++) % count] = one;
    }
    free(queue);
}
/*@end 16.5*/
