/*@answer
cause: BLOCK TOO SMALL
found: plain
en: Adds the sizes of the three parts, and forgets the gap between two of them.
fr: Additionne les tailles des trois parties, et oublie le trou entre deux
fr: d'entre elles.
*/

/*@region 11.3*/
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    const size_t result_at = (state_bytes + 15) / 16 * 16;
    const size_t bytes = sizeof(struct callable) + state_bytes + result_bytes;
    struct callable *self = malloc(bytes);

    lesson_unwrap(self ? 0 : -1, "memory");
    *self = (struct callable){call, bytes, result_at};
    memcpy(self->state, state, state_bytes);
    return self;
}

static void callable_call(struct callable *self)
{
    self->call(self->state, callable_result(self));
}
/*@end 11.3*/
