/*@answer
en: A list of those to be polled instead of marks: the poll looks at these
en: alone, and not at a hundred marks.
fr: Une liste de ceux à sonder au lieu de marques : le sondage ne regarde
fr: qu'eux, et non cent marques.
*/

/*@region 4.1*/
struct join_all {
    struct future future;
    size_t count;
    size_t left;
    struct future *children[MAX_CHILDREN];
    bool ready[MAX_CHILDREN];
    size_t due[MAX_CHILDREN];
    size_t due_count;
    bool is_due[MAX_CHILDREN];
};

static enum poll_state join_all_poll(struct future *future)
{
    struct join_all *self = (struct join_all *)future;

    while (self->due_count > 0) {
        const size_t i = self->due[--self->due_count];
        struct future *child = self->children[i];

        self->is_due[i] = false;
        if (self->ready[i] || poll_child(child) == NOT_READY)
            continue;
        self->ready[i] = true;
        self->left--;
        if (!future->error)
            future->error = child->error;
    }
    return self->left ? NOT_READY : READY;
}

static void join_all_init(struct join_all *self)
{
    memset(self, 0, sizeof(*self));
    self->future.poll = join_all_poll;
}

static void join_all_due(struct join_all *self, size_t i)
{
    if (!self->is_due[i])
        self->due[self->due_count++] = i;
    self->is_due[i] = true;
}

static size_t join_all_add(struct join_all *self, struct future *child)
{
    const size_t i = self->count++;

    self->children[i] = child;
    self->left++;
    join_all_due(self, i);
    return i;
}
/*@end 4.1*/

/*@region 4.2*/
static uint64_t token_of(struct join_all *self, size_t child, int stream)
{
    (void)self;
    (void)stream;
    return child + 1000;
}

static void mark_owner(struct join_all *self, uint64_t token)
{
    join_all_due(self, token - 1000);
}
/*@end 4.2*/
