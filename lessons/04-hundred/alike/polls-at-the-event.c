/*@answer
en: The owner is polled as soon as its event is seen; join_all then only counts
en: who is not READY yet.
fr: Le propriétaire est sondé dès que son évènement est vu ; join_all compte
fr: ensuite ceux qui ne sont pas encore READY.
*/

/*@region 4.1*/
struct join_all {
    struct future future;
    size_t count;
    size_t left;
    bool begun;
    struct {
        struct future *future;
        bool ready;
    } children[MAX_CHILDREN];
};

static void poll_one(struct join_all *self, size_t i)
{
    struct future *child = self->children[i].future;

    if (self->children[i].ready || poll_child(child) == NOT_READY)
        return;
    self->children[i].ready = true;
    self->left--;
    if (child->error)
        self->future.error = child->error;
}

static enum poll_state join_all_poll(struct future *future)
{
    struct join_all *self = (struct join_all *)future;

    if (!self->begun) {
        self->begun = true;
        self->left = self->count;
        for (size_t i = 0; i < self->count; i++)
            poll_one(self, i);
    }
    return self->left == 0 ? READY : NOT_READY;
}

static void join_all_init(struct join_all *self)
{
    *self = (struct join_all){.future.poll = join_all_poll};
}

static size_t join_all_add(struct join_all *self, struct future *child)
{
    self->children[self->count].future = child;
    return self->count++;
}
/*@end 4.1*/

/*@region 4.2*/
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    (void)stream;
    return child;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    poll_one(self, token);
}
/*@end 4.2*/
