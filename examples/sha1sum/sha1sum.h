/* SPDX-License-Identifier: MIT */
/*
 * sha1sum.h - the parts of the example sha1sum.
 *
 *     main.c      options, and the names of the command line
 *     check.c     -c: a list of sums, compared
 *     batch.c     some files at once, their results in order, the progress
 *     digest.c    one file: reads ahead by file futures, hashes on the CPU pool
 *     output.c    names and messages as coreutils writes them
 *
 * Threads: the executor's, except the hashing itself (digest.c).
 */
#ifndef SHA1SUM_H
#define SHA1SUM_H

#include <reveil/reveil.h>

enum { SHA1_BYTES = 20 };

struct options {
    bool binary;     /* '*' before the name */
    bool mode_given; /* -b or -t was given */
    bool tag;        /* BSD style */
    bool zero;       /* lines end with NUL, names are not escaped */
    bool check;
    bool ignore_missing;
    bool quiet;
    bool status;
    bool strict;
    bool warn;
};

extern struct options options;

/* A file to hash, and the result. */
struct item {
    const char *name; /* "-": standard input */
    uint8_t digest[SHA1_BYTES];
    int error; /* 0, negative errno */
    bool taken;
    bool done;
    uint8_t expected[SHA1_BYTES]; /* -c */
};

/* --- digest.c ---------------------------------------------------------- */

/* Bytes hashed so far, and of all files opened so far: for the progress. */
struct totals {
    uint64_t done_bytes;
    uint64_t known_bytes;
};

/* One file. result: 0, negative errno. */
struct digest {
    struct rv_future future;
    uint8_t value[SHA1_BYTES]; /* when the result is 0 */

    /* Private. */
    const char *name;
    struct totals *totals;
    struct rv_file *file;
    struct statx stat;
    struct rv_file_op op;
    struct rv_cpu job;
    struct hash *hash;
    struct rv_buf *bufs[2]; /* of the caller: one is read, one is hashed */
    int64_t offset;
    uint32_t filled; /* buffers that were filled, and that were hashed */
    uint32_t hashed;
    bool reading;
    bool hashing;
    bool at_end;
    int error; /* the first; 0 so far */
};

/* name, totals, bufs: valid until the future is READY or dropped. */
void digest_init(struct digest *digest, const char *name,
                 struct rv_buf *const bufs[2], struct totals *totals);

/* Set up libcrypto, once. Returns: 0, -ENOSYS (no SHA-1), -ENOMEM. */
int digest_setup(void);
void digest_teardown(void);

/* --- batch.c ----------------------------------------------------------- */

/*
 * Hash all items, and call emit() for each, in order, as soon as those before
 * it are done too.
 *
 * Returns: 0; a negative errno if it had to stop.
 */
int hash_all(struct rv_runtime *runtime, struct item *items, uint32_t len,
             void (*emit)(void *context, const struct item *item),
             void *context);

/* --- check.c ----------------------------------------------------------- */

/* Check the sums of one list. Returns: false if a sum or a file failed. */
bool check_list(struct rv_runtime *runtime, const char *list);

/* --- output.c ---------------------------------------------------------- */

/* On stdout; escaped: with \n for a newline, and so on. */
void print_name(const char *name, bool escaped);

/* The line of a file that was hashed. */
void print_sum(const struct item *item);

/* "sha1sum: NAME: what", after what stdout has; name: quoted if need be, NULL
 * for none. */
void complain(const char *name, const char *what);

#endif /* SHA1SUM_H */
