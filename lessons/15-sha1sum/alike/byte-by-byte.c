/*@answer
en: One byte after the other through `rest`: slower, and right for any lengths.
fr: Un octet après l'autre par `rest` : plus lent, et juste pour toutes les
fr: longueurs.
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    self->length += length;
    while (length--) {
        self->rest[self->rest_length++] = *bytes++;
        if (self->rest_length == SHA1_PIECE) {
            sha1_piece(self, self->rest);
            self->rest_length = 0;
        }
    }
}
/*@end 15.1*/
