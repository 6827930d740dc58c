/*@answer
cause: WRONG OWNER
found: plain
en: All sockets have the token 0, as in lesson 03, where there was only one.
fr: Toutes les sockets ont le token 0, comme à la leçon 03, où il n'y en
fr: avait qu'une.
*/

/*@region 4.2*/
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    (void)stream;
    (void)child;
    return 0;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    self->due[token] = true;
}
/*@end 4.2*/
