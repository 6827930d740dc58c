/*@answer
en: Finds the rest first, and hashes the pieces by their number.
fr: Cherche d'abord le reste, et hache les morceaux par leur numéro.
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    const size_t pieces = length / 64;

    self->rest_length = length % 64;
    for (size_t i = 0; i < self->rest_length; i++)
        self->rest[i] = bytes[64 * pieces + i];
    for (size_t i = 0; i < pieces; i++)
        sha1_piece(self, &bytes[64 * i]);
    self->length = self->length + length;
}
/*@end 15.1*/
