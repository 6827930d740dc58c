/*@answer
en: memset(), and IOSQE_ASYNC: the kernel gives the write to a thread at once.
fr: memset(), et IOSQE_ASYNC : le noyau confie aussitôt l'écriture à un
fr: thread.
*/

/*@region 13.1*/
static void sqe_write(struct io_uring_sqe *entry, int fd, const void *data,
                      unsigned length, uint64_t offset, uint64_t user_data)
{
    memset(entry, 0, sizeof(*entry));
    entry->user_data = user_data;
    entry->opcode = IORING_OP_WRITE;
    entry->flags = IOSQE_ASYNC;
    entry->fd = fd;
    entry->off = offset;
    entry->addr = (unsigned long)data;
    entry->len = length;
}
/*@end 13.1*/
