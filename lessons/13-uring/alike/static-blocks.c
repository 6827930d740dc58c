/*@answer
en: A block for each number, static: it stays where it is until the end.
fr: Un bloc par numéro, static : il reste où il est jusqu'à la fin.
*/

/*@region 13.4*/
static char blocks[BLOCKS][BLOCK_BYTES];

static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->asked = true;
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(blocks[self->number], self->number, block_text);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, blocks[self->number], BLOCK_BYTES, OFFSET,
                  self->user_data);
    }
    if (!ring_slot(self->ring, self->user_data)->done)
        return RV_PENDING;
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
