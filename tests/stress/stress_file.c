/* SPDX-License-Identifier: MIT */
/*
 * stress_file.c - bodies written to files on the pool, many of them dropped
 * while a step is under way: a file is whole, or it is not there.
 *
 *     stress_file [COUNT]      so many files, 8 at a time
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <reveil/async.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "stress.h"

enum {
    FILES = 500,
    LANES = 8,
    BODY_BYTES = 400 * 1000, /* at most: four steps */
    PIECE_BYTES = 50 * 1000  /* at most */
};

static char body[BODY_BYTES];
static int directory;

struct writer {
    struct rv_future future;
    struct rv_http_file file;
    uint32_t random;
    uint32_t number; /* of the file */
    uint32_t last;   /* beyond its last one */
    size_t len;
    size_t at;
};

static void name_of(char name[16], uint32_t number)
{
    snprintf(name, 16, "%u", number);
}

/* The length of each file follows from its number. */
static size_t len_of(uint32_t number)
{
    return number * 7919u % BODY_BYTES;
}

/* Continue to write. Returns: true if the file is finished, or was dropped. */
static bool write_some(struct writer *self, struct rv_cx *cx)
{
    const struct rv_http_sink_ops *ops = self->file.sink.ops;

    while (self->at < self->len) {
        size_t len = 1 + stress_random(&self->random) % PIECE_BYTES;
        ssize_t n;

        if (len > self->len - self->at)
            len = self->len - self->at;
        n = ops->poll_write(&self->file.sink, cx, body + self->at, len);
        if (n == -EAGAIN)
            return false;
        STRESS_CHECK(n > 0 && (size_t)n <= len, "write failed");
        self->at += (size_t)n;
        if (stress_random(&self->random) % 64 == 0)
            return true;
    }
    switch (ops->poll_finish(&self->file.sink, cx)) {
    case 0:
        return true;
    case -EAGAIN:
        return false;
    default:
        STRESS_CHECK(false, "finish failed");
        return true; /* never */
    }
}

/* While a step is in progress, poll sometimes, and drop sometimes. */
static bool leaves(struct writer *self, struct rv_cx *cx)
{
    const uint32_t dice = stress_random(&self->random) % 16;

    if (dice > 2)
        rv_waker_wake(&cx->waker);
    stress_dawdle(dice * 50);
    return dice == 0;
}

static enum rv_poll writer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct writer *self = RV_CONTAINER_OF(future, struct writer, future);
    char name[16];

    RV_BEGIN(future);
    for (; self->number < self->last; self->number++) {
        name_of(name, self->number);
        STRESS_CHECK(rv_http_file_init(&self->file, directory, name) == 0,
                     "no memory");
        self->len = len_of(self->number);
        self->at = 0;
        RV_AWAIT_UNTIL(future, write_some(self, cx) || leaves(self, cx));
        rv_http_file_drop(&self->file);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void run(uint32_t count, struct rv_join joins[LANES])
{
    static const struct rv_future_ops ops = {.name = "writer",
                                             .poll = writer_poll};
    struct rv_runtime *runtime;

    STRESS_CHECK(rv_runtime_start(&runtime) == 0, "no runtime");
    for (uint32_t i = 0; i < LANES; i++) {
        struct writer *writer = stress_future(sizeof *writer, &ops);

        writer->random = i;
        writer->number = count * i / LANES;
        writer->last = count * (i + 1) / LANES;
        STRESS_CHECK(rv_spawn(rv_runtime_executor(runtime), &writer->future,
                              &joins[i]) == 0,
                     "no task");
    }
    stress_phase = "write";
    stress_block_on_all(rv_runtime_executor(runtime), joins, LANES);
    stress_phase = "stop";
    rv_runtime_stop(runtime); /* and with it what the pool still writes */
}

/* Returns: true if it exists; it must be whole then. */
static bool check_file(uint32_t number)
{
    static char found[BODY_BYTES];
    char name[32];
    int fd;

    name_of(name, number);
    fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        STRESS_CHECK(read(fd, found, sizeof found) == (ssize_t)len_of(number) &&
                         memcmp(found, body, len_of(number)) == 0,
                     "a file is not whole");
        close(fd);
        unlinkat(directory, name, 0);
    }
    return fd >= 0;
}

static void stress(uint32_t count)
{
    struct rv_join joins[LANES] = {0};
    uint32_t whole = 0;

    stress_watchdog();
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i % 251);
    run(count, joins);
    for (uint32_t i = 0; i < count; i++)
        whole += check_file(i);
    STRESS_CHECK(whole > 0 && whole < count, "all alike: no test at all");
    printf("%u files, %u of them whole\n", count, whole);
}

/* Remove everything that the child left there, under any name, above all parts.
 * Returns: the number of files. */
static int clear(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int count = 0;

    while (folder && (entry = readdir(folder)))
        count += unlinkat(directory, entry->d_name, 0) == 0;
    if (folder)
        closedir(folder);
    rmdir(path);
    return count;
}

/* A child does the work, so that a failure leaves nothing in /tmp. */
int main(int argc, char **argv)
{
    const uint32_t count = stress_count(argc, argv, FILES);
    char path[] = "/tmp/reveil-stress-XXXXXX";
    int status = 1;
    pid_t child;

    STRESS_CHECK(mkdtemp(path), "no folder");
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    child = fork();
    if (child == 0) {
        stress(count);
        return 0;
    }
    if (child > 0)
        waitpid(child, &status, 0);
    STRESS_CHECK(clear(path) == 0 && status == 0, "see above, or a signal");
    close(directory);
    return 0;
}
