/*@answer
cause: WRONG ENTRY
found: case entry
en: The length is cut to 16 bits: 65,536 becomes 0.
fr: La longueur est coupée à 16 bits : 65 536 devient 0.
*/
/*@region 13.1*/
static void sqe_write(struct io_uring_sqe *entry, int fd, const void *data,
                      unsigned length, uint64_t offset, uint64_t user_data)
{
    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_WRITE,
        .fd = fd,
        .addr = (uintptr_t)data,
        .len = (uint16_t)length,
        .off = offset,
        .user_data = user_data,
    };
}
/*@end 13.1*/
