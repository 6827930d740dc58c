/* SPDX-License-Identifier: MIT */
/*
 * Lesson 15, sha1sum - can a file be read and hashed at the same time?
 *
 * New here: two futures of one task that run side by side. Reading waits for
 * the disk, hashing needs a processor; both are calls on pool threads, as in
 * lesson 10. While a block is hashed, the next one is read:
 *
 *     read   [0 ][1 ][2 ][3 ][end]
 *     hash       [0 ][1 ][2 ][3 ]          time  ---->
 *
 * A future that was made has not begun: its first poll begins it. sha1.h has
 * the arithmetic; the pool is that of the library (rv_blocking).
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and all futures; pool threads read and hash.
 */
#include "sha1.h"

#include <sys/mman.h>

enum { BLOCK_BYTES = 1 << 18, MAX_FILES = 16 };
enum { OWN_FILES = 2, FILE_BYTES = 12 * BLOCK_BYTES - 19, DISK_MS = 1 };

/* A file, and its sum so far. */
struct stream {
    const char *name;
    int fd;
    struct sha1 sha1;
    /*@probe int probe_index, probe_blocks; */
    /*@probe int probe_begun, probe_filled, probe_hashed, probe_asked; */
    /*@probe int probe_reading, probe_hashing; */
    /*@probe int probe_end; */
    /*@probe const struct rv_blocking *probe_calls[2]; */
    /*@probe bool probe_overlap; */
    /*@probe bool probe_read[256]; */
};

/* A part of it. All but the last are full. */
struct block {
    struct stream *stream;
    int number;
    int32_t length; /* to be hashed */
    uint8_t bytes[BLOCK_BYTES];
    /*@probe int probe_number; */
    /*@probe int32_t probe_length; */
    /*@probe bool probe_reading, probe_hashing; */
};
/*@probe static bool probe_gate; */
/*@probe static int probe_bad_block; */
/*@probe static _Thread_local int probe_polling; */
/*@probe static pthread_mutex_t probe_lock = PTHREAD_MUTEX_INITIALIZER; */
/*@probe static pthread_cond_t probe_begins = PTHREAD_COND_INITIALIZER; */
/*@probe static void probe_show(const struct stream *self, int note, int number) */
/*@probe { */
/*@probe     if (self->probe_index >= OWN_FILES || probe_gate) */
/*@probe         return; */
/*@probe     probe_quiet(false); */
/*@probe     if (number >= 0) */
/*@probe         probe_event(PROBE_NOTE, -1, 2 * note + self->probe_index + 1, number); */
/*@probe     else */
/*@probe         probe_event(PROBE_LEVEL, -1, 2 * self->probe_index + 1 + note, note ? self->probe_hashed : self->probe_filled); */
/*@probe     probe_quiet(true); */
/*@probe } */
/*@probe static void probe_enter(void) */
/*@probe { */
/*@probe     probe_quiet(true); */
/*@probe     pthread_mutex_lock(&probe_lock); */
/*@probe } */
/*@probe static void probe_leave(void) */
/*@probe { */
/*@probe     pthread_mutex_unlock(&probe_lock); */
/*@probe     probe_quiet(false); */
/*@probe } */
/*@probe static void probe_read_begins(struct block *block) */
/*@probe { */
/*@probe     struct stream *self = block->stream; */
/*@probe     probe_expect(!probe_polling, "BLOCKS THE OTHERS @15.2", "read", 0, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     probe_expect(!self->probe_end || block->number < self->probe_end + 8, "NEVER STOPS @15.2", "beyond", self->probe_end - 1, block->number, 0); */
/*@probe     probe_expect(!block->probe_hashing, "BUFFER NOT YOURS: two at it", "hashed", block->number, block->probe_number, 0); */
/*@probe     probe_expect(!block->probe_reading, "BUFFER NOT YOURS: two at it", "read", block->number, block->probe_number, 0); */
/*@probe     self->probe_read[block->number % 256] = true; */
/*@probe     block->probe_reading = true; */
/*@probe     block->probe_number = block->number; */
/*@probe     self->probe_reading++; */
/*@probe     self->probe_overlap |= self->probe_hashing > 0; */
/*@probe     if (block->number >= self->probe_begun) */
/*@probe         self->probe_begun = block->number + 1; */
/*@probe     pthread_cond_broadcast(&probe_begins); */
/*@probe     probe_show(self, 0, block->number); */
/*@probe     probe_leave(); */
/*@probe } */
/*@probe static void probe_read_ends(struct block *block, int32_t length) */
/*@probe { */
/*@probe     probe_enter(); */
/*@probe     block->probe_reading = false; */
/*@probe     block->probe_length = length; */
/*@probe     block->stream->probe_reading--; */
/*@probe     block->stream->probe_filled += length > 0; */
/*@probe     if (length <= 0 && !block->stream->probe_end) */
/*@probe         block->stream->probe_end = block->number + 1; */
/*@probe     probe_show(block->stream, 0, -1); */
/*@probe     probe_leave(); */
/*@probe } */
/*@probe static void probe_hash_begins(struct block *block) */
/*@probe { */
/*@probe     struct stream *self = block->stream; */
/*@probe     probe_expect(self != NULL, "WRONG BLOCK: nothing in it", "no_block", block->length, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     probe_expect(block->length >= 0, "ERROR LOST @15.2", "length", block->length, 0, 0); */
/*@probe     probe_expect(!block->probe_reading, "BUFFER NOT YOURS: two at it", "hashed", block->number, self->probe_hashed, 0); */
/*@probe     probe_expect(!self->probe_hashing, "BOTH AT ONCE: two hashes", "hashes", self->probe_hashed, block->number, 0); */
/*@probe     probe_expect(self->probe_read[self->probe_hashed % 256], "WRONG BLOCK", "never_read", self->probe_hashed, block->probe_number, 0); */
/*@probe     probe_expect(block->probe_number >= self->probe_hashed, "WRONG BLOCK: hashed again", "hashed", self->probe_hashed, block->probe_number, 0); */
/*@probe     probe_expect(block->probe_number == self->probe_hashed, "BUFFER NOT YOURS: two at it", "other", self->probe_hashed, block->probe_number, 0); */
/*@probe     probe_expect(block->length == block->probe_length, "WRONG LENGTH", "block", block->length, block->probe_length, 0); */
/*@probe     block->probe_hashing = true; */
/*@probe     self->probe_hashing++; */
/*@probe     self->probe_overlap = self->probe_reading > 0; */
/*@probe     probe_show(self, 1, block->number); */
/*@probe     if (probe_gate && self->probe_hashed + 1 < self->probe_blocks && self->probe_begun < self->probe_hashed + 2) { */
/*@probe         probe_if_stuck("SERIALISED: read and hash", "read", self->probe_hashed, self->probe_hashed + 1, 0); */
/*@probe         while (self->probe_begun < self->probe_hashed + 2) */
/*@probe             pthread_cond_wait(&probe_begins, &probe_lock); */
/*@probe         probe_if_stuck(NULL, NULL, 0, 0, 0); */
/*@probe     } */
/*@probe     probe_leave(); */
/*@probe     if (probe_gate && self->probe_hashed + 1 == self->probe_blocks) { */
/*@probe         const struct timespec late = {0, 60 * 1000000L}; */
/*@probe         probe_quiet(true); */
/*@probe         nanosleep(&late, NULL); */
/*@probe         probe_quiet(false); */
/*@probe     } */
/*@probe } */
/*@probe static void probe_hash_ends(struct block *block) */
/*@probe { */
/*@probe     struct stream *self = block->stream; */
/*@probe     probe_enter(); */
/*@probe     block->probe_hashing = false; */
/*@probe     self->probe_hashing--; */
/*@probe     self->probe_hashed++; */
/*@probe     probe_figure_add("overlaps", self->probe_overlap); */
/*@probe     probe_show(self, 1, -1); */
/*@probe     probe_leave(); */
/*@probe } */

/*@probe static void *probe_memcpy(void *to, const void *from, size_t bytes) */
/*@probe { */
/*@probe     probe_expect(bytes <= SHA1_PIECE, "WRONG LENGTH: rest too long @15.1", "room", (long)bytes, SHA1_PIECE, 0); */
/*@probe     return memcpy(to, from, bytes); */
/*@probe } */
/*@probe #define memcpy(to, from, bytes) probe_memcpy(to, from, bytes) */

/*@todo 15.1 hash_bytes | hash_bytes
en: Put the next bytes of the file into its sum: count them (`length`), hash
en: all whole pieces of SHA1_PIECE bytes, and keep what is left for sha1_end().
en: Only the last block has such a rest.
fr: Faites entrer les octets suivants du fichier dans sa somme : comptez-les
fr: (`length`), hachez tous les morceaux entiers de SHA1_PIECE octets, et gardez
fr: ce qui reste pour sha1_end(). Seul le dernier bloc a un tel reste.
stub:
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    (void)self;
    (void)bytes;
    (void)length;
    (void)sha1_piece;
}
*/
static void hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length)
{
    self->length += length;
    for (; length >= SHA1_PIECE; length -= SHA1_PIECE) {
        sha1_piece(self, bytes);
        bytes += SHA1_PIECE;
    }
    memcpy(self->rest, bytes, length);
    self->rest_length = length;
}
/*@end 15.1*/
/*@probe #undef memcpy */
/*@probe static void probe_hash_bytes(struct sha1 *self, const uint8_t *bytes, size_t length) */
/*@probe { */
/*@probe     probe_expect(!probe_polling, "BLOCKS THE OTHERS @15.2", "hash", 0, 0, 0); */
/*@probe     hash_bytes(self, bytes, length); */
/*@probe     probe_expect(self->rest_length < SHA1_PIECE, "WRONG LENGTH: rest too long @15.1", "rest", (long)self->rest_length, 0, 0); */
/*@probe } */
/*@probe #define hash_bytes probe_hash_bytes */

/* --- the two calls, on a pool thread ----------------------------------- */

/* The pause is what a disk would take. Returns: the bytes read, fewer than
 * BLOCK_BYTES only at the end of the file; or a negative errno. */
static int32_t read_call(void *arg)
{
    const struct timespec disk = {0, DISK_MS * 1000000L};
    struct block *self = arg;
    const off_t at = (off_t)self->number * BLOCK_BYTES;
    int32_t done = 0;
    ssize_t n = 1;

    /*@probe probe_read_begins(self); */
    while (done < BLOCK_BYTES && n > 0) {
        n = pread(self->stream->fd, self->bytes + done,
                  (size_t)(BLOCK_BYTES - done), at + done);
        done += n > 0 ? (int32_t)n : 0;
    }
    /*@probe if (probe_bad_block && self->number == probe_bad_block) { */
    /*@probe     n = -1; */
    /*@probe     errno = EIO; */
    /*@probe } */
    if (n < 0)
        done = -errno;
    /*@probe probe_quiet(true); */
    nanosleep(&disk, NULL);
    /*@probe probe_quiet(false); */
    /*@probe probe_read_ends(self, done); */
    return done;
}

static int32_t hash_call(void *arg)
{
    struct block *self = arg;

    /*@probe probe_hash_begins(self); */
    hash_bytes(&self->stream->sha1, self->bytes, (size_t)self->length);
    /*@probe probe_hash_ends(self); */
    return 0;
}

/* A future: block `number` of the file, into `block`. result: as read_call().
 */
static void read_init(struct rv_blocking *call, struct block *block,
                      struct stream *stream, int number)
{
    block->stream = stream;
    block->number = number;
    rv_blocking_init(call, read_call, block, NULL);
}

/* A future: the first `length` bytes of `block` into the sum of its file. One
 * at a time: each needs what the last one left. */
static void hash_init(struct rv_blocking *call, struct block *block,
                      int32_t length)
{
    block->length = length;
    rv_blocking_init(call, hash_call, block, NULL);
}

/*@probe static void probe_read_init(struct rv_blocking *call, struct block *block, */
/*@probe                             struct stream *stream, int number) */
/*@probe { */
/*@probe     static const struct stream *other; */
/*@probe     static int last; */
/*@probe     probe_expect(number <= stream->probe_asked || !other || stream == other || number != last + 1, "SHARED STATE @15.2", "blocks", stream->probe_asked, number, 0); */
/*@probe     probe_expect(number <= 0 || number >= stream->probe_asked, "WRONG BLOCK: asked for again", "asked", number, stream->probe_asked, 0); */
/*@probe     other = stream; */
/*@probe     last = number; */
/*@probe     if (number >= stream->probe_asked) */
/*@probe         stream->probe_asked = number + 1; */
/*@probe     stream->probe_calls[0] = call; */
/*@probe     read_init(call, block, stream, number); */
/*@probe } */
/*@probe #define read_init probe_read_init */
/*@probe static void probe_hash_init(struct rv_blocking *call, struct block *block, int32_t length) */
/*@probe { */
/*@probe     if (block->stream) */
/*@probe         block->stream->probe_calls[1] = call; */
/*@probe     hash_init(call, block, length); */
/*@probe } */
/*@probe #define hash_init probe_hash_init */
/*@probe static enum rv_poll probe_poll(struct rv_future *future, struct rv_cx *cx) */
/*@probe { */
/*@probe     if (probe_polling) */
/*@probe         probe_polling++; */
/*@probe     probe_expect(probe_polling < 1000, "NEVER YIELDED @15.2", "child again", probe_polling, 0, 0); */
/*@probe     return rv_poll(future, cx); */
/*@probe } */
/*@probe #define rv_poll(future, cx) probe_poll(future, cx) */
/*@probe static void probe_all_init(struct rv_all *all, struct rv_future **children, uint32_t count) */
/*@probe { */
/*@probe     const intptr_t above = (intptr_t)children - (intptr_t)__builtin_frame_address(0); */
/*@probe     probe_expect(above < 0 || above > 65536, "DANGLING POINTER @15.2", "children", 0, 0, 0); */
/*@probe     rv_all_init(all, children, count); */
/*@probe } */
/*@probe #define rv_all_init probe_all_init */

/*@todo 15.2 hash_file_poll
en: The sum of the file `stream`: read block 0; then, as long as a block came,
en: hash it and read the next one, side by side, and wait for both. READY with
en: 0, or with the error of a read. How many blocks do you need?
fr: La somme du fichier `stream` : lisez le bloc 0 ; puis, tant qu'un bloc est
fr: venu, hachez-le et lisez le suivant, les deux à la fois, et attendez les
fr: deux. READY avec 0, ou avec l'erreur d'une lecture. Combien de blocs vous
fr: faut-il ?
stub:
struct file {
    struct rv_future future;
    struct stream *stream;
    struct rv_blocking read, hash;
    struct rv_all both; /+ READY when its children are; see combine.h +/
    struct rv_future *children[2];
    struct block blocks[2];
    int number; /+ of the block that is read +/
};

static enum rv_poll hash_file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);

    RV_BEGIN(future);
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    (void)hash_init;
    RV_RETURN(future, -ENOSYS);
    RV_END(future);
}
*/
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
    RV_AWAIT(future, cx, &self->read.future);
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
/*@probe #undef rv_poll */
/*@probe #undef rv_all_init */
/*@probe static enum rv_poll probe_file_poll(struct rv_future *future, struct rv_cx *cx) */
/*@probe { */
/*@probe     const struct stream *self = RV_CONTAINER_OF(future, struct file, future)->stream; */
/*@probe     probe_polling = 1; */
/*@probe     const enum rv_poll state = hash_file_poll(future, cx); */
/*@probe     probe_polling = 0; */
/*@probe     for (int i = 0; i < 2 && state == RV_READY; i++) */
/*@probe         probe_expect(!self->probe_calls[i] || !self->probe_calls[i]->job, "READY TOO EARLY", "running", 0, 0, 0); */
/*@probe     if (state == RV_READY) { */
/*@probe         probe_enter(); */
/*@probe         probe_expect(!self->probe_reading && !self->probe_hashing, "READY TOO EARLY", "running", 0, 0, 0); */
/*@probe         probe_leave(); */
/*@probe     } */
/*@probe     if (state == RV_READY && future->result == 0) { */
/*@probe         probe_enter(); */
/*@probe         probe_expect(self->probe_filled == self->probe_hashed && !self->probe_hashing, */
/*@probe                      "READY TOO EARLY", "hash", self->probe_filled, self->probe_hashed, 0); */
/*@probe         probe_leave(); */
/*@probe     } */
/*@probe     return state; */
/*@probe } */
/*@probe #define hash_file_poll probe_file_poll */

static struct rv_future *file_new(struct stream *stream)
{
    static const struct rv_future_ops ops = {.name = "file",
                                             .poll = hash_file_poll};
    struct file *self = rv_alloc(sizeof(*self)); /* all of it is 0 */

    lesson_expect(self != NULL, "out of memory");
    rv_future_init(&self->future, &ops);
    self->stream = stream;
    sha1_begin(&stream->sha1);
    return &self->future;
}

/* --- main -------------------------------------------------------------- */

/* A file in memory: a text, again and again. */
static int make_file(int bytes)
{
    static char text[4096];
    const int fd = lesson_unwrap(memfd_create("file", MFD_CLOEXEC), "memfd");

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i * 7 % 26);
    for (int at = 0; at < bytes; at += (int)sizeof(text))
        lesson_unwrap((int)pwrite(fd, text, sizeof(text), at), "pwrite");
    lesson_unwrap(ftruncate(fd, bytes), "ftruncate");
    return fd;
}

/* The files that are named after the port; without one, two of our own.
 * Returns: how many. */
static int open_files(struct stream *streams, int argc, char **argv)
{
    static const char *const names[OWN_FILES] = {"first", "second"};
    const int count = argc > 2 ? argc - 2 : OWN_FILES;

    lesson_expect(count <= MAX_FILES, "too many files");
    for (int i = 0; i < count; i++) {
        streams[i].name = argc > 2 ? argv[2 + i] : names[i];
        streams[i].fd =
            argc > 2 ? lesson_unwrap(open(argv[2 + i], O_RDONLY | O_CLOEXEC),
                                     argv[2 + i])
                     : make_file(FILE_BYTES - i);
        /*@probe streams[i].probe_index = i; */
    }
    return count;
}

int main(int argc, char **argv)
{
    static struct stream streams[MAX_FILES];
    char text[SHA1_TEXT];
    struct rv_runtime *runtime;
    struct rv_scope files;
    int count, error;

    lesson_start(1, argv, "Lesson 15: sums of files.", NULL);
    count = open_files(streams, argc, argv);
    lesson_count();
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    rv_scope_init(&files, rv_runtime_executor(runtime));
    for (int i = 0; i < count; i++)
        rv_scope_spawn(&files, file_new(&streams[i]));
    error = rv_runtime_block_on(runtime, &files.future);
    rv_runtime_stop(runtime);
    for (int i = 0; i < count && !error; i++) {
        sha1_end(&streams[i].sha1, text);
        lesson_logf("%s  %s", text, streams[i].name);
    }
    lesson_take_figures();
    return lesson_end(error);
}
