/*@answer
cause: POLLS EVERYBODY
found: figures
en: "Something has come, so I look at all of them." A hundred responses, and
en: each of them makes the rest be asked again.
fr: « Quelque chose est arrivé, je regarde donc partout. » Cent réponses, et
fr: chacune fait redemander à toutes les autres.
*/

/*@region 4.2*/
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    (void)stream;
    return child;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    (void)token;
    for (size_t i = 0; i < self->count; i++)
        self->due[i] = true;
}
/*@end 4.2*/
