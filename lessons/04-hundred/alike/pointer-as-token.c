/*@answer
en: The token is the address of the child's mark: 64 bits that epoll keeps for
en: us.
fr: Le token est l'adresse de la marque de l'enfant : 64 bits qu'epoll garde
fr: pour nous.
*/

/*@region 4.2*/
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)stream;
    return (uint64_t)(uintptr_t)&self->due[child];
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    (void)self;
    *(bool *)(uintptr_t)token = true;
}
/*@end 4.2*/
