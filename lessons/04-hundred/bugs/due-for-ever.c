/*@answer
cause: POLLS EVERYBODY
found: figures
en: Never takes the mark away: who was due once is polled each time.
fr: N'efface jamais la marque : qui a été à sonder une fois l'est toujours.
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
    size_t ready = 0;

    for (size_t i = 0; i < self->count; i++) {
        if (self->due[i] && !self->ready[i]) {
            self->ready[i] = poll_child(self->children[i]) == READY;
            if (self->ready[i] && self->children[i]->error)
                future->error = self->children[i]->error;
        }
        ready += self->ready[i];
    }
    return ready == self->count ? READY : NOT_READY;
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
