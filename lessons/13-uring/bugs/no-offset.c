/*@answer
cause: WRONG ENTRY
found: case entry
en: Without the offset the block is at the begin of the file, where it is not
en: wanted.
fr: Sans la position, le bloc est au début du fichier, où on ne le veut pas.
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
