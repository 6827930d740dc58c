/*@answer
cause: NOT ALIGNED
found: plain
en: The result lies right behind the state, which may have 21 bytes.
fr: Le résultat est juste derrière l'état, qui peut avoir 21 octets.
*/

/*@region 11.3*/
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    const size_t result_at = state_bytes;
    const size_t bytes = sizeof(struct callable) + result_at + result_bytes;
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
