/*@answer
cause: SERIALISED
found: plain
en: Waits for child 0, then for child 1: a loop of awaits. Futures are lazy, so
en: the second request is not sent before the first response has come.
fr: Attend l'enfant 0, puis l'enfant 1 : une boucle d'attentes. Les futures sont
fr: paresseuses : la deuxième requête ne part qu'après la première réponse.
*/

/*@region 4.1*/
struct join_all {
    struct future future; /* first member: a pointer to it can be cast */
    size_t count;
    struct future *children[MAX_CHILDREN];
    bool due[MAX_CHILDREN]; /* to be polled: at first all of them are */
    bool ready[MAX_CHILDREN];
};

static enum poll_state join_all_poll(struct future *future)
{
    struct join_all *self = (struct join_all *)future;

    for (size_t i = 0; i < self->count; i++) {
        if (!self->ready[i] && poll_child(self->children[i]) == NOT_READY)
            return NOT_READY;
        self->ready[i] = true;
        if (self->children[i]->error)
            future->error = self->children[i]->error;
    }
    return READY;
}

static void join_all_init(struct join_all *self)
{
    *self = (struct join_all){.future.poll = join_all_poll};
}

static size_t join_all_add(struct join_all *self, struct future *child)
{
    self->children[self->count] = child;
    self->due[self->count] = true;
    return self->count++;
}
/*@end 4.1*/
