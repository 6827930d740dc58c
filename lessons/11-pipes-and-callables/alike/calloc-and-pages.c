/*@answer
en: calloc(), the result on a multiple of 64, and room to spare: one may be
en: generous.
fr: calloc(), le résultat sur un multiple de 64, et de la place en trop : on
fr: peut être généreux.
*/

/*@region 11.3*/
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    const size_t result_at = (state_bytes / 64 + 1) * 64;
    const size_t bytes = sizeof(struct callable) + result_at + result_bytes;
    struct callable *self = calloc(1, bytes + 100);

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
