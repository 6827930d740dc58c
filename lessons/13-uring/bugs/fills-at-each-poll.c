/*@answer
cause: BUFFER NOT YOURS
found: case buffer
en: The block is filled whenever the write is polled, so it is surely right.
en: But the kernel may be reading it.
fr: Le bloc est rempli à chaque sondage, il est donc sûrement juste. Mais le
fr: noyau est peut-être en train de le lire.
*/
/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->asked = true;
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, self->block, BLOCK_BYTES, OFFSET,
                  self->user_data);
    }
    fill_block(self->block, self->number, block_text);
    if (!ring_slot(self->ring, self->user_data)->done)
        return RV_PENDING;
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
