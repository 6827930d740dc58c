/*@answer
cause: NEVER YIELDED
found: plain
en: One poll of join_all goes round until all children are READY: epoll_wait is
    never called.
fr: Un seul sondage de join_all tourne jusqu'à ce que tous les enfants soient
    READY : epoll_wait n'est jamais appelé.
*/

/*@region 4.1*/
struct join_all {
    struct future future; /* first member: a pointer to it can be cast */
    size_t count;
    struct future *children[MAX_CHILDREN];
    bool due[MAX_CHILDREN];
    bool ready[MAX_CHILDREN];
};

static enum poll_state join_all_poll(struct future *future)
{
    struct join_all *self = (struct join_all *)future;
    size_t left;

    do {
        left = 0;
        for (size_t i = 0; i < self->count; i++) {
            if (!self->ready[i])
                self->ready[i] = poll_child(self->children[i]) == READY;
            left += !self->ready[i];
        }
    } while (left > 0);
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
