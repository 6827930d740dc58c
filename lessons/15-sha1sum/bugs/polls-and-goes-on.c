/*@answer
cause: READY TOO EARLY
found: plain
en: Polls the first read and looks at its result, without waiting: it is still
en: 0, as at the end of a file.
fr: Sonde la première lecture et regarde son résultat, sans attendre : il vaut
fr: encore 0, comme à la fin d'un fichier.
*/

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
    self->children[0] = &self->read.future;
    self->children[1] = &self->hash.future;
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    rv_poll(&self->read.future, cx);
    while ((length = self->read.future.result) > 0) {
        hash_init(&self->hash, &self->blocks[self->number % 2], length);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        rv_all_init(&self->both, self->children, 2);
        RV_AWAIT(future, cx, &self->both.future);
    }
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
