/*@answer
cause: REST LOST
found: case bytes
en: Hashes the whole pieces, and forgets what is left after them: right for
en: each file whose size is a multiple of 64.
fr: Hache les morceaux entiers, et oublie ce qui reste derrière : juste pour
fr: chaque fichier dont la taille est un multiple de 64.
*/

/*@region 15.1*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    self->length += length;
    for (; length >= SHA1_PIECE; length -= SHA1_PIECE) {
        sha1_piece(self, bytes);
        bytes += SHA1_PIECE;
    }
}
/*@end 15.1*/
