/*@answer
cause: WRONG ENTRY
found: case entry
en: Sets the fields that it needs. The others are those of whoever used the
en: entry before.
fr: Remplit les champs qu'il faut. Les autres sont ceux de qui s'est servi de
fr: l'entrée avant.
*/

/*@region 13.1*/
static void sqe_write(struct io_uring_sqe *entry, int fd, const void *data,
                      unsigned length, uint64_t offset, uint64_t user_data)
{
    entry->opcode = IORING_OP_WRITE;
    entry->fd = fd;
    entry->addr = (uintptr_t)data;
    entry->len = length;
    entry->off = offset;
    entry->user_data = user_data;
}
/*@end 13.1*/
