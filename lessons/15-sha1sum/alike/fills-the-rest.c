/*@answer
en: Fills `rest` up, and hashes it each time that it is a whole piece: any
en: lengths would do.
fr: Remplit `rest`, et le hache chaque fois que c'est un morceau entier : toutes
fr: les longueurs iraient.
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    self->length += length;
    while (length > 0) {
        size_t n = SHA1_PIECE - self->rest_length;

        n = n < length ? n : length;
        memcpy(self->rest + self->rest_length, bytes, n);
        self->rest_length += n;
        bytes += n;
        length -= n;
        if (self->rest_length == SHA1_PIECE) {
            sha1_piece(self, self->rest);
            self->rest_length = 0;
        }
    }
}
/*@end 15.1*/
