/*@answer
cause: FORGOTTEN TASK
kind: without a slot
found: case small
en: Takes a slot only when there is an entry. While the ring is full it wakes
en: itself and holds none, and drive does not know that it has still to ask.
fr: Ne prend un slot que s'il y a une entrée. Tant que le ring est plein, elle
fr: se réveille et n'en tient aucun : drive ignore qu'elle doit encore demander.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        entry = ring_next_entry(self->ring);
        if (!entry) {
            ring_submit(self->ring);
            rv_waker_wake(&cx->waker);
            return RV_PENDING;
        }
        self->asked = true;
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
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
