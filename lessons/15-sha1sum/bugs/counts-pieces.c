/*@answer
cause: WRONG LENGTH
found: case bytes
en: Counts the bytes of whole pieces only: the length at the end of the sum is
en: wrong.
fr: Ne compte que les octets des morceaux entiers : la longueur à la fin de la
fr: somme est fausse.
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    for (; length >= SHA1_PIECE; length -= SHA1_PIECE) {
        self->length += SHA1_PIECE;
        sha1_piece(self, bytes);
        bytes += SHA1_PIECE;
    }
    memcpy(self->rest, bytes, length);
    self->rest_length = length;
}
/*@end 15.1*/
