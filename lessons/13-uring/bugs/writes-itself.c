/*@answer
cause: NOT BY THE RING
found: figures
en: Writes the block itself. The file is right, and the ring was not needed.
fr: Écrit le bloc elle-même. Le fichier est juste, et le ring n'a servi à
fr: rien.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;

    (void)cx;
    fill_block(self->block, self->number, block_text);
    future->result = (int)pwrite(self->fd, self->block, BLOCK_BYTES, OFFSET);
    if (future->result < 0)
        future->result = -errno;
    return RV_READY;
}
/*@end 13.4*/
