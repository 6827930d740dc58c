/*@answer
cause: WRONG LENGTH
kind: rest too long
found: plain
en: `if` for the loop: one piece, and the other bytes are the "rest".
fr: `if` au lieu de la boucle : un morceau, et les autres octets sont le
fr: « reste ».
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    self->length += length;
    if (length >= SHA1_PIECE) {
        sha1_piece(self, bytes);
        bytes += SHA1_PIECE;
        length -= SHA1_PIECE;
    }
    memcpy(self->rest, bytes, length);
    self->rest_length = length;
}
/*@end 15.1*/
