/*@answer
cause: POLLED AFTER READY
found: case two
en: Polls whoever is due, READY or not: a late event polls a future that has
en: ended.
fr: Sonde tout enfant marqué, READY ou non : un évènement tardif sonde une
fr: future terminée.
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
        if (self->due[i]) {
            self->due[i] = false;
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
