/*@answer
cause: WRONG OWNER
found: case reuse
en: Takes the descriptor for the token. It is unique among the open ones; but
en: the kernel gives the number of a closed one to the next that opens.
fr: Prend le descripteur comme token. Il est unique parmi ceux qui sont
fr: ouverts ; mais le noyau redonne le numéro d'un descripteur fermé au suivant
fr: qui s'ouvre.
*/

/*@region 4.2*/
static int streams[MAX_CHILDREN];

static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    streams[child] = stream;
    return (uint64_t)stream;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    for (size_t i = 0; i < self->count; i++) {
        if (streams[i] == (int)token) {
            self->due[i] = true;
            return;
        }
    }
}
/*@end 4.2*/
