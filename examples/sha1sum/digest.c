/* SPDX-License-Identifier: MIT */
/*
 * digest.c - one file: a buffer is hashed while the other is read.
 *
 * Threads: hash_call() runs on a pool thread; all else on the executor's
 * thread.
 *
 * SHA-1 is a chain, so a file has one job at a time. The job holds the hash
 * and its buffer, and the kernel holds the buffer of a read (file.h), so a
 * digest may be dropped at any time.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#include "sha1sum.h"

/* Shorter than handing it to a pool thread: hashed on the executor's thread. */
enum { SMALL_BYTES = 16 * 1024 };

static EVP_MD *sha1; /* fetched once: to look it up takes a lock */

int digest_setup(void)
{
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    return sha1 ? 0 : -ENOSYS;
}

void digest_teardown(void)
{
    EVP_MD_free(sha1);
}

/* --- the hash, shared with its job ------------------------------------- */

struct hash {
    uint32_t holders; /* the digest, and a job: both on this thread */
    EVP_MD_CTX *context;
};

static struct hash *hash_new(void)
{
    struct hash *hash = rv_alloc(sizeof *hash);

    if (!hash)
        return NULL;
    hash->holders = 1;
    hash->context = EVP_MD_CTX_new();
    if (hash->context && EVP_DigestInit_ex2(hash->context, sha1, NULL))
        return hash;
    EVP_MD_CTX_free(hash->context);
    rv_free(hash);
    return NULL;
}

static void hash_put(struct hash *hash)
{
    if (!hash || --hash->holders > 0)
        return;
    EVP_MD_CTX_free(hash->context);
    rv_free(hash);
}

/* What a job has captured. */
struct step {
    struct hash *hash;
    struct rv_buf *buf;
};

static int32_t hash_call(void *state, void *result)
{
    const struct step *step = state;

    (void)result;
    return EVP_DigestUpdate(step->hash->context, step->buf->data,
                            step->buf->len_bytes)
               ? 0
               : -EIO;
}

static void step_drop(void *state)
{
    struct step *step = state;

    hash_put(step->hash);
    rv_buf_put(step->buf);
}

/* Returns: 0, -ENOMEM. */
static int start_job(struct digest *self)
{
    static const struct rv_callable_ops ops = {.name = "sha1",
                                               .call = hash_call,
                                               .drop = step_drop,
                                               .state_bytes =
                                                   sizeof(struct step)};
    struct step step = {self->hash, self->bufs[self->hashed % 2]};
    struct rv_callable *callable;
    int error = rv_callable_new(&callable, &ops, &step);

    if (error)
        return error;
    step.hash->holders++;
    rv_buf_get(step.buf);
    rv_cpu_init(&self->job, callable);
    self->hashing = true;
    return 0;
}

/* --- reading and hashing at once --------------------------------------- */

static void start_read(struct digest *self)
{
    const bool has_offsets =
        S_ISREG(self->stat.stx_mode) && strcmp(self->name, "-") != 0;

    rv_file_read_init(&self->op, self->file, self->bufs[self->filled % 2],
                      has_offsets ? self->offset : RV_FILE_POSITION);
    self->reading = true;
}

/* Handle the end of a read: the buffer is filled if it is full, or at the end
 * of the file. Returns: 0, negative errno. */
static int take_read(struct digest *self)
{
    const int32_t len = self->op.future.result;
    const struct rv_buf *buf = self->bufs[self->filled % 2];

    self->reading = false;
    if (len < 0)
        return len;
    self->offset += len;
    self->at_end = len == 0;
    if (buf->len_bytes == buf->cap_bytes || (self->at_end && buf->len_bytes))
        self->filled++;
    return 0;
}

/* A buffer was hashed, and can be read into again. */
static void take_hashed(struct digest *self)
{
    struct rv_buf *buf = self->bufs[self->hashed % 2];

    self->totals->done_bytes += buf->len_bytes;
    buf->len_bytes = 0;
    self->hashing = false;
    self->hashed++;
}

/* Continue reading, if there is a buffer and no error. Returns: 1 if there was
 * progress, 0 if not, negative errno. */
static int advance_reading(struct digest *self, struct rv_cx *cx)
{
    int error;

    if (!self->reading) {
        if (self->error || self->at_end || self->filled - self->hashed == 2)
            return 0;
        start_read(self);
    }
    if (rv_poll(&self->op.future, cx) == RV_PENDING)
        return 0;
    error = take_read(self);
    rv_drop(&self->op.future);
    return error ? error : 1;
}

static bool is_small(const struct digest *self)
{
    return self->at_end && self->hashed == 0 &&
           self->bufs[0]->len_bytes <= SMALL_BYTES;
}

/* Continue hashing, if there is a filled buffer and no error. Returns: as
 * advance_reading(). */
static int advance_hashing(struct digest *self, struct rv_cx *cx)
{
    int error = 0;

    if (!self->hashing) {
        if (self->error || self->filled == self->hashed)
            return 0;
        if (is_small(self)) {
            error = hash_call(&(struct step){self->hash, self->bufs[0]}, NULL);
            take_hashed(self);
            return error ? error : 1;
        }
        error = start_job(self);
        if (error)
            return error;
    }
    if (rv_poll(&self->job.future, cx) == RV_PENDING)
        return 0;
    error = self->job.future.result;
    rv_drop(&self->job.future);
    take_hashed(self);
    return error ? error : 1;
}

/* Keeps the first error. */
static void keep_error(struct digest *self, int result)
{
    if (result < 0 && !self->error)
        self->error = result;
}

/* Returns: true when it has finished, with self->error set. After an error it
 * waits for the read and the job in flight: the next file reuses the buffers.
 */
static bool advance(struct digest *self, struct rv_cx *cx)
{
    int read;
    int hashed;

    do {
        read = advance_reading(self, cx);
        keep_error(self, read);
        hashed = advance_hashing(self, cx);
        keep_error(self, hashed);
    } while (read > 0 || hashed > 0);
    if (self->error)
        return !self->reading && !self->hashing;
    return self->at_end && self->filled == self->hashed;
}

/* --- the future -------------------------------------------------------- */

/* It is open. Returns: 0, -ENOMEM. */
static int prepare(struct digest *self)
{
    self->hash = hash_new();
    if (!self->hash)
        return -ENOMEM;
    for (int i = 0; i < 2; i++)
        self->bufs[i]->len_bytes = 0;
    if (S_ISREG(self->stat.stx_mode))
        self->totals->known_bytes += self->stat.stx_size;
    /* Advice, which helps on a disk and may fail on a pipe. */
    posix_fadvise(rv_file_fd(self->file), 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

static enum rv_poll digest_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct digest *self = RV_CONTAINER_OF(future, struct digest, future);

    RV_BEGIN(future);
    if (strcmp(self->name, "-") == 0) {
        self->error = rv_file_of_fd(&self->file, STDIN_FILENO);
    } else {
        rv_file_open_init(&self->op, &self->file, self->name, O_RDONLY, 0);
        RV_AWAIT(future, cx, &self->op.future);
        self->error = self->op.future.result;
    }
    if (self->error)
        RV_RETURN(future, self->error);
    rv_file_stat_init(&self->op, self->file, &self->stat);
    RV_AWAIT(future, cx, &self->op.future);
    self->error = self->op.future.result;
    if (!self->error)
        self->error = prepare(self);
    if (self->error)
        RV_RETURN(future, self->error);
    RV_AWAIT_UNTIL(future, advance(self, cx));
    if (!self->error &&
        !EVP_DigestFinal_ex(self->hash->context, self->value, NULL))
        self->error = -EIO;
    RV_RETURN(future, self->error);
    RV_END(future);
}

static void digest_drop(struct rv_future *future)
{
    struct digest *self = RV_CONTAINER_OF(future, struct digest, future);

    rv_drop(&self->op.future);
    rv_drop(&self->job.future);
    rv_file_put(self->file);
    self->file = NULL;
    hash_put(self->hash);
    self->hash = NULL;
}

void digest_init(struct digest *digest, const char *name,
                 struct rv_buf *const bufs[2], struct totals *totals)
{
    static const struct rv_future_ops ops = {
        .name = "digest", .poll = digest_poll, .drop = digest_drop};

    *digest = (struct digest){
        .name = name, .totals = totals, .bufs = {bufs[0], bufs[1]}};
    rv_future_init(&digest->future, &ops);
}
