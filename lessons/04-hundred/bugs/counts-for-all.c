/*@answer
cause: SHARED STATE
found: case apart
en: The children that are READY are counted in a static variable. The first
en: join_all is right, and the next one begins with the count of the first.
fr: Les enfants READY sont comptés dans une variable static. La première
fr: join_all est juste, et la suivante commence avec le compte de la première.
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
    static size_t done;

    for (size_t i = 0; i < self->count; i++) {
        if (!self->due[i] || self->ready[i])
            continue;
        self->due[i] = false;
        if (poll_child(self->children[i]) == READY) {
            self->ready[i] = true;
            done++;
            if (self->children[i]->error)
                future->error = self->children[i]->error;
        }
    }
    return done == self->count ? READY : NOT_READY;
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
