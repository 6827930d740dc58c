/*@answer
en: A pointer to the end instead of a count, and the hash as the first of the
en: two children.
fr: Un pointeur vers la fin au lieu d'un compte, et le hachage comme premier
fr: des deux enfants.
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    const uint8_t *const end = bytes + length;

    while (end - bytes >= SHA1_PIECE) {
        sha1_piece(self, bytes);
        bytes += SHA1_PIECE;
    }
    self->rest_length = (size_t)(end - bytes);
    if (self->rest_length > 0)
        memmove(self->rest, bytes, self->rest_length);
    self->length = self->length + length;
}
/*@end 15.1*/

/*@region 15.2*/
struct file {
    struct rv_future future;
    struct stream *stream;
    struct rv_blocking read, hash;
    struct rv_all both; /* READY when its children are; see combine.h */
    struct rv_future *children[2];
    struct block blocks[2];
    int number; /* of the block that is read */
};

static enum rv_poll hash_file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);
    int32_t length;

    RV_BEGIN(future);
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    for (;;) {
        length = self->read.future.result;
        if (length <= 0)
            RV_RETURN(future, length);
        hash_init(&self->hash, &self->blocks[self->number % 2], length);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        self->children[1] = &self->read.future;
        self->children[0] = &self->hash.future;
        rv_all_init(&self->both, self->children, 2);
        RV_AWAIT(future, cx, &self->both.future);
    }
    RV_END(future);
}
/*@end 15.2*/
