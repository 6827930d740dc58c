/*@answer
cause: DANGLING CALLABLE
found: plain
en: Copies the pointer and not what it points to: the caller's variable, gone at
en: the call.
fr: Copie le pointeur et non ce qu'il désigne : la variable de l'appelant,
fr: disparue à l'appel.
*/

/*@region 11.3*/
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    const size_t result_at = (state_bytes + 15) / 16 * 16;
    const size_t bytes = sizeof(struct callable) + result_at + result_bytes;
    struct callable *self = malloc(bytes);

    lesson_unwrap(self ? 0 : -1, "memory");
    *self = (struct callable){call, bytes, result_at};
    memcpy(self->state, &state, sizeof(state));
    return self;
}

static void callable_call(struct callable *self)
{
    self->call(self->state, callable_result(self));
}
/*@end 11.3*/
