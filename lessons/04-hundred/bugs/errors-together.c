/*@answer
cause: ERROR LOST
found: case errors
en: The errors of the children are put together with |. That is right as long as
en: one of them fails; two together are an errno that nobody has said.
fr: Les erreurs des enfants sont réunies par |. C'est juste tant qu'un seul
fr: échoue ; deux ensemble font un errno que personne n'a dit.
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
    size_t done = 0;

    for (size_t i = 0; i < self->count; i++) {
        if (self->due[i] && !self->ready[i]) {
            self->due[i] = false;
            self->ready[i] = poll_child(self->children[i]);
            future->error |= self->children[i]->error;
        }
        done += self->ready[i];
    }
    return done == self->count;
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
