/*@answer
en: If the ring is full: submits, wakes itself, and tries again at the next
en: poll. It keeps its slot meanwhile, so that drive waits for it.
fr: Si le ring est plein : soumet, se réveille elle-même, et réessaie au
fr: sondage suivant. Elle garde son slot entre-temps : drive l'attend donc.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->block[0]) { /* the first poll */
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
    }
    if (!self->asked) {
        entry = ring_next_entry(self->ring);
        if (!entry) {
            ring_submit(self->ring);
            rv_waker_wake(&cx->waker);
            return RV_PENDING;
        }
        self->asked = true;
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
