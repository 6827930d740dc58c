/*@answer
cause: NEVER READY
found: plain
en: Whether all are READY is asked before the poll, so the last READY comes too
en: late: join_all says NOT_READY, and no event is left that could wake it.
fr: On demande avant le sondage si tous sont READY. Le dernier READY vient donc
fr: trop tard : join_all dit NOT_READY, et il ne reste aucun évènement pour la
fr: réveiller.
*/
/*@region 4.1*/
struct join_all {
    struct future future; /* first member: a pointer to it can be cast */
    size_t count;
    struct future *children[MAX_CHILDREN];
    bool due[MAX_CHILDREN]; /* at first all are */
    bool ready[MAX_CHILDREN];
};

static enum poll_state join_all_poll(struct future *future)
{
    struct join_all *self = (struct join_all *)future;
    bool all = true;

    for (size_t i = 0; i < self->count; i++) {
        if (!self->ready[i])
            all = false;
        if (!self->due[i] || self->ready[i])
            continue;
        self->due[i] = false;
        if (poll_child(self->children[i]) == READY) {
            self->ready[i] = true;
            if (self->children[i]->error)
                future->error = self->children[i]->error;
        }
    }
    return all ? READY : NOT_READY;
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
