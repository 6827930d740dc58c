/* SPDX-License-Identifier: MIT */
/* test_sink.c - bodies that are passed on as they arrive. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cli/delay.h"
#include "scripted.h"
#include "serving.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(http_sink);

/* --- a server of patterns, and a GET into a sink ------------------------ */

/* GET a path. Returns: the result of the GET. */
static int get_into(uint16_t port, const char *path, struct rv_http_sink *sink)
{
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[128];
    int result;

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)port, path);
    result = rv_test_runtime_start(&runtime);
    if (result < 0)
        return result;
    result = rv_http_get_init(&get, url);
    rv_http_get_into(&get, sink);
    if (result == 0) {
        result = rv_runtime_block_on(runtime, &get.future);
        cr_assert_null(get.body);
        cr_assert(result == 0 || get.state == RV_HTTP_STORING ||
                  result == -ENOMEM || result == -EPIPE);
    }
    rv_drop(&get.future);
    rv_runtime_stop(runtime);
    return result;
}

static void serve(struct serving *serving)
{
    *serving = (struct serving){.handler = delay_handler()};
    serving_start(serving);
}

static bool is_pattern(uint64_t at, const char *data, size_t len)
{
    while (len > 0) {
        const char *piece;
        size_t n = delay_pattern(at, &piece);

        n = n < len ? n : len;
        if (memcmp(data, piece, n) != 0)
            return false;
        at += n;
        data += n;
        len -= n;
    }
    return true;
}

/* --- a sink of the test ------------------------------------------------- */

/* Checks what it gets; takes a little at a time, and sometimes asks to be
 * called again. */
struct picky {
    struct rv_http_sink sink;
    uint64_t taken;
    size_t most;  /* at once */
    int starts;   /* calls of start */
    int finishes; /* calls of finish */
    int calls;
    int error; /* returned at `error_at` bytes */
    uint64_t error_at;
};

static struct picky *picky_of(struct rv_http_sink *sink)
{
    return RV_CONTAINER_OF(sink, struct picky, sink);
}

static int picky_start(struct rv_http_sink *sink, const struct rv_http_get *get)
{
    picky_of(sink)->starts++;
    cr_assert_eq(get->status, 200);
    cr_assert_not_null(
        rv_http_find_header(&get->parser->head, get->head, "Date"));
    return picky_of(sink)->error_at == UINT64_MAX ? -EXDEV : 0;
}

static ssize_t picky_write(struct rv_http_sink *sink, struct rv_cx *cx,
                           const void *data, size_t len)
{
    struct picky *self = picky_of(sink);

    if (self->error && self->taken >= self->error_at)
        return self->error;
    if (++self->calls % 3 == 0) {
        rv_waker_wake(&cx->waker);
        return -EAGAIN;
    }
    len = len < self->most ? len : self->most;
    cr_assert(is_pattern(self->taken, data, len));
    self->taken += len;
    return (ssize_t)len;
}

static int picky_finish(struct rv_http_sink *sink, struct rv_cx *cx)
{
    if (++picky_of(sink)->finishes == 2)
        return 0;
    rv_waker_wake(&cx->waker);
    return -EAGAIN;
}

static const struct rv_http_sink_ops picky_ops = {.start = picky_start,
                                                  .poll_write = picky_write,
                                                  .poll_finish = picky_finish};

RV_TEST(http_sink, it_gets_the_body_piece_by_piece)
{
    static const struct {
        const char *path;
        uint64_t len;
        size_t most;
    } cases[] = {{"/big/0", 0, 1},
                 {"/big/1", 1024, 1},
                 {"/big/200", 200 * 1024, 1000},
                 {"/big/5000", 5000 * 1024, SIZE_MAX}};
    struct serving serving;

    serve(&serving);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct picky picky = {.sink.ops = &picky_ops, .most = cases[i].most};

        cr_assert_eq(get_into(serving.port, cases[i].path, &picky.sink), 0);
        cr_assert_eq(picky.taken, cases[i].len);
        cr_assert_eq(picky.starts, 1);
        cr_assert_eq(picky.finishes, 2);
    }
    serving_stop(&serving);
}

RV_TEST(http_sink, its_error_ends_the_get)
{
    struct picky picky = {.sink.ops = &picky_ops,
                          .most = 100,
                          .error = -EDQUOT,
                          .error_at = 5000};
    struct serving serving;

    serve(&serving);
    cr_assert_eq(get_into(serving.port, "/big/100", &picky.sink), -EDQUOT);
    cr_assert(picky.taken >= 5000 && picky.taken < 5100);
    cr_assert_eq(picky.finishes, 0);
    picky = (struct picky){.sink.ops = &picky_ops, .error_at = UINT64_MAX};
    cr_assert_eq(get_into(serving.port, "/big/1", &picky.sink), -EXDEV);
    cr_assert_eq(picky.calls, 0);
    serving_stop(&serving);
}

/* --- files -------------------------------------------------------------- */

/* A folder of its own, with at most two files in it. */
struct folder {
    char path[64];
    int fd;
};

static void folder_open(struct folder *folder)
{
    strcpy(folder->path, "/tmp/reveil-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder->path));
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(folder->fd, 0);
}

/* The folder must be empty; remove it. */
static void folder_close(struct folder *folder)
{
    close(folder->fd);
    cr_assert_eq(rmdir(folder->path), 0, "%s: %s", folder->path,
                 strerror(errno));
}

/* The file must hold this many bytes of the pattern. It is removed. */
static void check_file(const struct folder *folder, const char *name,
                       uint64_t len)
{
    const int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    static char data[8192];
    uint64_t at = 0;
    ssize_t n;

    cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
    for (; (n = read(fd, data, sizeof data)) > 0; at += (uint64_t)n)
        cr_assert(is_pattern(at, data, (size_t)n));
    cr_assert_eq(at, len);
    close(fd);
    cr_assert_eq(unlinkat(folder->fd, name, 0), 0);
}

static int get_file(struct serving *serving, const struct folder *folder,
                    const char *path, uint64_t *written)
{
    struct rv_http_file file;
    int error = rv_http_file_init(&file, folder->fd, "name");

    if (error == 0)
        error = get_into(serving->port, path, &file.sink);
    *written = file.written_bytes;
    rv_http_file_drop(&file);
    rv_http_file_drop(&file); /* a no-op */
    return error;
}

RV_TEST(http_sink, a_file_is_whole_when_it_has_its_name)
{
    static const struct {
        const char *path;
        uint64_t len;
    } cases[] = {{"/big/0", 0},           {"/big/4", 4 << 10},
                 {"/big/127", 127 << 10}, {"/big/128", 128 << 10},
                 {"/big/129", 129 << 10}, {"/big/3000", 3000 << 10}};
    struct serving serving;
    struct folder folder;
    uint64_t written;

    serve(&serving);
    folder_open(&folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(get_file(&serving, &folder, cases[i].path, &written), 0);
        cr_assert_eq(written, cases[i].len);
        check_file(&folder, "name", cases[i].len);
    }
    folder_close(&folder);
    serving_stop(&serving);
}

static void put_file(const struct folder *folder, const char *name)
{
    const int fd =
        openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    cr_assert_eq(write(fd, "reveil", 6), 6); /* as the pattern begins */
    close(fd);
}

/* The number of files in it. */
static int count_files(const struct folder *folder)
{
    DIR *dir = opendir(folder->path);
    int count = -2; /* without "." and ".." */

    cr_assert_not_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* An existing file of that name is unchanged until then. */
RV_TEST(http_sink, a_get_that_fails_leaves_no_half_file)
{
    struct serving serving;
    struct folder folder;
    uint64_t written;

    serve(&serving);
    folder_open(&folder);
    put_file(&folder, "name");
    cr_assert_eq(get_file(&serving, &folder, "/half", &written), -EPIPE);
    check_file(&folder, "name", 6);
    /* The file cannot get its name: a directory has it. */
    cr_assert_eq(mkdirat(folder.fd, "name", 0777), 0);
    cr_assert_eq(get_file(&serving, &folder, "/big/4", &written), -EISDIR);
    cr_assert_eq(unlinkat(folder.fd, "name", AT_REMOVEDIR), 0);
    folder_close(&folder);
    serving_stop(&serving);
}

RV_TEST(http_sink, a_link_of_that_name_is_replaced)
{
    struct serving serving;
    struct folder folder;
    uint64_t written;

    serve(&serving);
    folder_open(&folder);
    put_file(&folder, "mine");
    cr_assert_eq(symlinkat("mine", folder.fd, "name"), 0);
    cr_assert_eq(get_file(&serving, &folder, "/big/4", &written), 0);
    check_file(&folder, "name", 4096);
    cr_assert_eq(linkat(folder.fd, "mine", folder.fd, "name", 0), 0);
    cr_assert_eq(get_file(&serving, &folder, "/big/4", &written), 0);
    check_file(&folder, "name", 4096);
    check_file(&folder, "mine", 6);
    folder_close(&folder);
    serving_stop(&serving);
}

/* The pipe has no reader: opening it would block a thread forever. */
RV_TEST(http_sink, a_pipe_of_that_name_is_replaced)
{
    struct serving serving;
    struct folder folder;
    uint64_t written;

    serve(&serving);
    folder_open(&folder);
    cr_assert_eq(mkfifoat(folder.fd, "name", 0666), 0);
    cr_assert_eq(get_file(&serving, &folder, "/big/4", &written), 0);
    check_file(&folder, "name", 4096);
    folder_close(&folder);
    serving_stop(&serving);
}

/* The temporary name is unused, and cannot be predicted. */
RV_TEST(http_sink, what_others_left_as_a_part_is_not_written_to)
{
    struct serving serving;
    struct folder folder;
    uint64_t written;

    serve(&serving);
    folder_open(&folder);
    put_file(&folder, "mine");
    cr_assert_eq(linkat(folder.fd, "mine", folder.fd, "name.part", 0), 0);
    cr_assert_eq(get_file(&serving, &folder, "/big/4", &written), 0);
    check_file(&folder, "name", 4096);
    check_file(&folder, "name.part", 6);
    check_file(&folder, "mine", 6);
    folder_close(&folder);
    serving_stop(&serving);
}

/* The longest name that a file system allows leaves no room for a suffix. */
RV_TEST(http_sink, a_name_may_be_as_long_as_a_name_can_be)
{
    char name[NAME_MAX + 1] = "";
    struct serving serving;
    struct folder folder;
    struct rv_http_file file;

    serve(&serving);
    folder_open(&folder);
    memset(name, 'n', NAME_MAX);
    cr_assert_eq(rv_http_file_init(&file, folder.fd, name), 0);
    cr_assert_eq(get_into(serving.port, "/big/4", &file.sink), 0);
    rv_http_file_drop(&file);
    check_file(&folder, name, 4096);
    folder_close(&folder);
    serving_stop(&serving);
}

/* A full disk, as far as a process can simulate it: a limit on the size of a
 * file. */
RV_TEST(http_sink, a_full_disk_is_an_error_and_leaves_nothing)
{
    struct rlimit limit;
    struct rlimit tight;
    struct serving serving;
    struct folder folder;
    uint64_t written;

    signal(SIGXFSZ, SIG_IGN);
    serve(&serving);
    folder_open(&folder);
    getrlimit(RLIMIT_FSIZE, &limit);
    tight = limit;
    tight.rlim_cur = 500 * 1000;
    setrlimit(RLIMIT_FSIZE, &tight);
    cr_assert_eq(get_file(&serving, &folder, "/big/2000", &written), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_eq(written, 500 * 1000, "%lu", (unsigned long)written);
    folder_close(&folder);
    serving_stop(&serving);
}

RV_TEST(http_sink, a_device_may_be_full_too)
{
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct rv_http_file file;
    struct serving serving;

    serve(&serving);
    cr_assert_geq(full, 0);
    cr_assert_eq(rv_http_file_init_fd(&file, full), 0);
    cr_assert_eq(get_into(serving.port, "/big/1", &file.sink), -ENOSPC);
    cr_assert_eq(file.written_bytes, 0);
    rv_http_file_drop(&file);
    cr_assert_eq(rv_http_file_init_fd(&file, -1), -EBADF);
    rv_http_file_drop(&file);
    close(full);
    serving_stop(&serving);
}

static void *read_all(void *arg)
{
    static char data[4096];
    uint64_t at = 0;
    ssize_t n;

    for (; (n = read(*(int *)arg, data, sizeof data)) > 0; at += (uint64_t)n)
        cr_assert(is_pattern(at, data, (size_t)n));
    return (void *)(uintptr_t)at;
}

/* Also a descriptor that was made non-blocking. */
RV_TEST(http_sink, a_pipe_takes_it_at_the_pace_of_its_reader)
{
    struct rv_http_file file;
    struct serving serving;
    pthread_t thread;
    void *total;
    int ends[2];

    serve(&serving);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    cr_assert_eq(pthread_create(&thread, NULL, read_all, &ends[0]), 0);
    cr_assert_eq(rv_http_file_init_fd(&file, ends[1]), 0);
    cr_assert_eq(get_into(serving.port, "/big/1000", &file.sink), 0);
    rv_http_file_drop(&file);
    close(ends[1]);
    pthread_join(thread, &total);
    cr_assert_eq((uintptr_t)total, 1000 << 10);
    close(ends[0]);
    serving_stop(&serving);
}

/* --- dropped, out of memory --------------------------------------------- */

/* Polls a GET a few times, then is READY. */
struct impatient {
    struct rv_future future;
    struct rv_http_get get;
    struct rv_http_file file;
    struct rv_waker waker;
    int polls;
};

static enum rv_poll impatient_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct impatient *self = RV_CONTAINER_OF(future, struct impatient, future);

    if (self->polls-- == 0)
        return RV_READY;
    if (rv_poll(&self->get.future, cx) == RV_PENDING)
        return RV_PENDING;
    self->polls = -1;
    return RV_READY;
}

/* Returns: false if the GET ended before that many polls. */
static bool drop_after(uint16_t port, const struct folder *folder, int polls)
{
    static const struct rv_future_ops ops = {.name = "impatient",
                                             .poll = impatient_poll};
    struct impatient self = {.polls = polls};
    struct rv_runtime *runtime;
    char url[128];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/big/600", (unsigned)port);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_future_init(&self.future, &ops);
    cr_assert_eq(rv_http_get_init(&self.get, url), 0);
    cr_assert_eq(rv_http_file_init(&self.file, folder->fd, "name"), 0);
    rv_http_get_into(&self.get, &self.file.sink);
    rv_runtime_block_on(runtime, &self.future);
    rv_drop(&self.get.future);
    rv_http_file_drop(&self.file);
    rv_runtime_stop(runtime); /* and with it what the pool still wrote */
    return self.get.state != RV_HTTP_FINISHED;
}

RV_TEST(http_sink, dropped_after_each_poll_it_leaves_nothing)
{
    struct serving serving;
    struct folder folder;
    int polls = 0;

    serve(&serving);
    folder_open(&folder);
    while (drop_after(serving.port, &folder, polls)) {
        /* Dropped in its last step, the file may be complete. */
        if (faccessat(folder.fd, "name", F_OK, 0) == 0)
            check_file(&folder, "name", 600 << 10);
        cr_assert_eq(count_files(&folder), 0);
        cr_assert_lt(++polls, 10000);
    }
    cr_assert_gt(polls, 1);
    check_file(&folder, "name", 600 << 10);
    folder_close(&folder);
    serving_stop(&serving);
}

enum { SMALL_BYTES = 10000 };

/* From a peer that does not use the library's memory. */
static int one_file(void *arg)
{
    static char says[SMALL_BYTES + 100] =
        "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n";
    struct scripted peer = {.says = says};
    struct folder *folder = arg;
    struct rv_http_file file;
    const char *piece;
    int error;

    delay_pattern(0, &piece);
    memcpy(strstr(says, "\r\n\r\n") + 4, piece, SMALL_BYTES);
    scripted_start(&peer);
    error = rv_http_file_init(&file, folder->fd, "name");
    if (error == 0)
        error = get_into(peer.port, "/", &file.sink);
    rv_http_file_drop(&file);
    if (error < 0) /* it may not have connected */
        scripted_give_up(&peer);
    scripted_stop(&peer);
    if (error == 0)
        check_file(folder, "name", SMALL_BYTES);
    cr_assert_eq(count_files(folder), 0);
    return error;
}

RV_TEST(http_sink, every_allocation_may_fail)
{
    struct folder folder;

    folder_open(&folder);
    cr_assert_geq(rv_fail_each_alloc_strictly(one_file, &folder), 8);
    folder_close(&folder);
}
