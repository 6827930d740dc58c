/*@answer
en: The descriptor is the token, and the table is written anew at each
en: registration: who opens a number last owns it.
fr: Le descripteur est le token, et la table est réécrite à chaque abonnement :
fr: qui ouvre un numéro le dernier le possède.
*/

/*@region 4.2*/
static size_t owners[4096];

static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    owners[stream] = child;
    return (uint64_t)stream;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    self->due[owners[token]] = true;
}
/*@end 4.2*/
