/* SPDX-License-Identifier: MIT */
/* test_path.c - operations on paths, and directories as streams. */
#include "file/files.h"

#include <dirent.h>
#include <reveil/reveil.h>

#include "support/failing_alloc.h"
#include "support/hosts.h"

RV_TEST_SUITE(path);

/* A directory in /tmp that no other process has, and a name in it. */
static const char *own(const char *name)
{
    static char paths[2][96];
    static int next;
    char *path = paths[next++ % 2];

    snprintf(path, sizeof paths[0], "/tmp/reveil-path-%d%s", (int)getpid(),
             name);
    return path;
}

RV_HOST_TEST(path, a_file_is_made_renamed_and_removed)
{
    struct statx stat = {0};

    HOST_CHECK(rv_path_mkdir(own(""), 0700, RV_NEVER) == 0);
    HOST_CHECK(rv_path_mkdir(own(""), 0700, RV_NEVER) == -EEXIST);
    HOST_CHECK(rv_file_write_all(own("/a"), 0600, "123", 3, false, RV_NEVER) ==
               0);
    HOST_CHECK(rv_path_rename(own("/a"), own("/b"), RV_NEVER) == 0);
    HOST_CHECK(rv_path_stat(own("/a"), &stat, RV_NEVER) == -ENOENT);
    HOST_CHECK(stat.stx_size == 0);
    HOST_CHECK(rv_path_stat(own("/b"), &stat, RV_NEVER) == 0);
    HOST_CHECK(stat.stx_size == 3 && S_ISREG(stat.stx_mode));
    HOST_CHECK(rv_path_rmdir(own(""), RV_NEVER) == -ENOTEMPTY);
    HOST_CHECK(rv_path_unlink(own(""), RV_NEVER) == -EISDIR);
    HOST_CHECK(rv_path_unlink(own("/b"), RV_NEVER) == 0);
    HOST_CHECK(rv_path_unlink(own("/b"), RV_NEVER) == -ENOENT);
    HOST_CHECK(rv_path_rmdir(own(""), RV_NEVER) == 0);
    HOST_CHECK(rv_path_rmdir(own(""), RV_NEVER) == -ENOENT);
    return 0;
}

RV_HOST_TEST(path, a_deadline_in_the_past_leaves_the_output)
{
    struct statx stat = {0};
    const int result = rv_path_stat("/", &stat, 0);

    HOST_CHECK(result == -ETIMEDOUT ? stat.stx_mode == 0 : result == 0);
    return 0;
}

/* Dropped before its first poll, and after it. */
RV_TEST(path, a_drop_leaks_nothing)
{
    struct rv_runtime *runtime = files_start();
    struct rv_path_op op;
    struct rv_probe probe;
    struct statx stat;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_path_stat_init(&op, "/", &stat);
    rv_drop(&op.future);
    rv_drop(&op.future);
    rv_path_mkdir_init(&op, "/", 0);
    if (rv_poll(&op.future, &cx) == RV_PENDING)
        rv_drop(&op.future);
    rv_drop(&op.future);
    rv_runtime_stop(runtime);
    rv_probe_fini(&probe);
}

RV_TEST(path, without_a_pool_or_memory)
{
    struct rv_path_op op;
    struct rv_probe probe;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_path_rename_init(&op, "/", "/");
    cr_assert_eq(rv_poll(&op.future, &cx), RV_READY);
    cr_assert_eq(op.future.result, -ENODEV);
    rv_drop(&op.future);
    rv_count_allocs(1);
    rv_path_unlink_init(&op, "/");
    rv_stop_counting_allocs();
    cr_assert_eq(rv_poll(&op.future, &cx), RV_READY);
    cr_assert_eq(op.future.result, -ENOMEM);
    rv_path_rmdir_init(&op, "/");
    rv_drop(&op.future);
    rv_probe_fini(&probe);
}

/* --- directories ------------------------------------------------------- */

enum { FILES = 2000 }; /* more than one piece */

static const char *numbered(int i)
{
    static char name[64];

    snprintf(name, sizeof name, "/a-file-with-a-long-name-%d", i);
    return own(name);
}

RV_HOST_TEST(path, a_directory_gives_each_entry_once)
{
    static bool seen[FILES];
    struct rv_dir_entry entry;
    struct rv_dir dir;
    int count = 0;
    int number;
    int n;

    HOST_CHECK(mkdir(own(""), 0700) == 0);
    for (int i = 0; i < FILES; i++)
        close(open(numbered(i), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    rv_dir_init(&dir, own(""));
    HOST_CHECK(rv_dir_try_next(&dir, &entry) == -EAGAIN);
    /* Time-outs in between lose no entry. */
    while ((n = rv_dir_next(&dir, &entry, count % 3 ? RV_NEVER : 0)) != 0) {
        if (n == -ETIMEDOUT)
            n = rv_dir_next(&dir, &entry, RV_NEVER);
        if (n == 0)
            break;
        HOST_CHECK(n == 1);
        HOST_CHECK(sscanf(entry.name, "a-file-with-a-long-name-%d", &number) ==
                   1);
        HOST_CHECK(!seen[number]);
        HOST_CHECK(entry.type == DT_REG || entry.type == DT_UNKNOWN);
        HOST_CHECK(entry.inode != 0);
        seen[number] = true;
        count++;
    }
    HOST_CHECK(count == FILES);
    HOST_CHECK(rv_dir_next(&dir, &entry, RV_NEVER) == 0);
    rv_dir_close(&dir);
    rv_dir_close(&dir);
    for (int i = 0; i < FILES; i++)
        unlink(numbered(i));
    HOST_CHECK(rmdir(own("")) == 0);
    return 0;
}

RV_HOST_TEST(path, a_directory_that_cannot_be_read)
{
    struct rv_dir_entry entry;
    struct rv_dir dir;

    rv_dir_init(&dir, own("/none"));
    HOST_CHECK(rv_dir_next(&dir, &entry, RV_NEVER) == -ENOENT);
    HOST_CHECK(rv_dir_next(&dir, &entry, RV_NEVER) == -ENOENT);
    rv_dir_close(&dir);
    rv_dir_init(&dir, "/proc/version");
    HOST_CHECK(rv_dir_next(&dir, &entry, RV_NEVER) == -ENOTDIR);
    rv_dir_close(&dir);
    return 0;
}

/* Closed while a pool thread reads it, and before it was opened. */
RV_TEST(path, a_directory_may_be_closed_at_any_time)
{
    struct rv_runtime *runtime = files_start();
    struct rv_dir_entry entry;
    struct rv_dir_next next;
    struct rv_probe probe;
    struct rv_dir dir;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_dir_init(&dir, "/");
    rv_dir_close(&dir);
    for (int i = 0; i < 20; i++) {
        rv_dir_init(&dir, "/");
        rv_dir_next_init(&next, &dir, &entry);
        (void)rv_poll(&next.future, &cx);
        rv_drop(&next.future);
        rv_dir_close(&dir);
    }
    rv_count_allocs(1);
    rv_dir_init(&dir, "/");
    rv_stop_counting_allocs();
    cr_assert_eq(rv_dir_try_next(&dir, &entry), -ENOMEM);
    rv_dir_close(&dir);
    rv_runtime_stop(runtime);
    rv_probe_fini(&probe);
}
