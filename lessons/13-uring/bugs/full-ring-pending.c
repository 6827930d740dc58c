/*@answer
cause: LOST WAKE
kind: pending without an entry
found: case small
en: If the ring is full, submits and says PENDING. No entry of its own is in
en: the ring, so no completion will wake it.
fr: Si le ring est plein, soumet et répond PENDING. Aucune entrée à elle n'est
fr: dans le ring : aucune complétion ne la réveillera.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
        entry = ring_next_entry(self->ring);
        if (!entry) {
            ring_free_slot(self->ring, self->user_data);
            ring_submit(self->ring);
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
