/*@answer
cause: TOO MANY CALLS
found: figures
en: Submits and waits in each poll: a hundred calls, one write at a time, and
en: the ring has saved nothing.
fr: Soumet et attend dans chaque sondage : cent appels, une écriture à la
fr: fois, et le ring n'a rien épargné.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->asked = true;
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, self->block, BLOCK_BYTES, OFFSET,
                  self->user_data);
    }
    while (!ring_slot(self->ring, self->user_data)->done) {
        ring_submit(self->ring);
        ring_reap(self->ring);
    }
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
