/*@answer
cause: STARTS ANEW
found: plain
en: Does not keep that it has asked: each poll takes another slot and asks for
en: the same block.
fr: Ne retient pas qu'elle a demandé : chaque sondage prend un autre slot et
fr: demande le même bloc.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, self->block, BLOCK_BYTES, OFFSET,
                  self->user_data);
    }
    if (!ring_slot(self->ring, self->user_data)->done)
        return RV_PENDING;
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
