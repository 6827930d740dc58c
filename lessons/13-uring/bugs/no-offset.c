/*@answer
cause: WRONG ENTRY
found: case entry
en: Without the offset all blocks are written over one another.
fr: Sans la position, tous les blocs s'écrivent les uns sur les autres.
*/

/*@region 13.1*/
static void sqe_write(struct io_uring_sqe *entry, int fd, const void *data,
                      unsigned length, uint64_t offset, uint64_t user_data)
{
    (void)offset;
    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_WRITE,
        .fd = fd,
        .addr = (uintptr_t)data,
        .len = length,
        .user_data = user_data,
    };
}
/*@end 13.1*/
