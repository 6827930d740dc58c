/* SPDX-License-Identifier: MIT */
/*
 * sha1.h - the arithmetic of SHA-1: no subject of the lesson.
 *
 * A sum is made of pieces of 64 bytes, one after the other: each changes the
 * state that the last one left. What is no whole piece at the end of the file
 * is filled up, and gets the file's length.
 *
 *     sha1_begin(&sha1);
 *     sha1_piece(&sha1, bytes);        64 bytes, as often as there are
 *     sha1.rest, .rest_length          0 to 63 bytes, at the end
 *     sha1.length                      of the whole file
 *     sha1_end(&sha1, text);
 */
#ifndef LESSON_SHA1_H
#define LESSON_SHA1_H

#include "../library.h"

enum { SHA1_PIECE = 64, SHA1_TEXT = 41 };

struct sha1 {
    uint32_t state[5];
    uint64_t length;
    size_t rest_length;
    uint8_t rest[SHA1_PIECE];
};

static inline void sha1_begin(struct sha1 *self)
{
    *self = (struct sha1){
        .state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

static inline uint32_t sha1_roll(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static inline uint32_t sha1_mix(int round, const uint32_t *s)
{
    if (round < 20)
        return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999;
    if (round < 40)
        return (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1;
    if (round < 60)
        return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdc;
    return (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6;
}

static inline void sha1_piece(struct sha1 *self, const uint8_t *bytes)
{
    uint32_t words[80], s[5];

    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)bytes[4 * i] << 24 |
                   (uint32_t)bytes[4 * i + 1] << 16 |
                   (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    for (int i = 16; i < 80; i++)
        words[i] = sha1_roll(
            words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    memcpy(s, self->state, sizeof(s));
    for (int i = 0; i < 80; i++) {
        const uint32_t next =
            sha1_roll(s[0], 5) + sha1_mix(i, s) + s[4] + words[i];

        s[4] = s[3];
        s[3] = s[2];
        s[2] = sha1_roll(s[1], 30);
        s[1] = s[0];
        s[0] = next;
    }
    for (int i = 0; i < 5; i++)
        self->state[i] += s[i];
}

/* The last one or two pieces, and the sum in hexadecimal. */
static inline void sha1_end(struct sha1 *self, char *text)
{
    uint8_t last[2 * SHA1_PIECE] = {0};
    const size_t pieces = self->rest_length < 56 ? 1 : 2;

    memcpy(last, self->rest, self->rest_length);
    last[self->rest_length] = 0x80;
    for (int i = 0; i < 8; i++)
        last[pieces * SHA1_PIECE - 8 + (size_t)i] =
            (uint8_t)(self->length * 8 >> (56 - 8 * i));
    for (size_t i = 0; i < pieces; i++)
        sha1_piece(self, last + i * SHA1_PIECE);
    for (int i = 0; i < 5; i++)
        snprintf(text + 8 * i, 9, "%08x", self->state[i]);
}

#endif /* LESSON_SHA1_H */
