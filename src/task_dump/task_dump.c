/* SPDX-License-Identifier: MIT */
/*
 * task_dump.c - the table of tasks as text.
 *
 * Threads: any.
 */
#include <errno.h>
#include <inttypes.h>
#include <reveil/base.h>
#include <reveil/task_dump.h>
#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"

enum { LINE_BYTES = 512, SPARE_TASKS = 64 };

static int write_text(int fd, const char *text)
{
    return rv_write_all(fd, text, strlen(text), NULL);
}

static double as_ms(int64_t span_ns)
{
    return (double)span_ns / (double)RV_NS_PER_MS;
}

/* Print "NAME, SPAWNED: LINT; LINT". */
static void describe(char *text, size_t size, const struct rv_task_info *info)
{
    const char *before = ": ";
    int len = snprintf(text, size, "%s%s%s", info->name,
                       *info->spawned ? ", " : "", info->spawned);

    for (uint32_t lint = 1; lint <= RV_LINT_HOGS; lint <<= 1) {
        if (!(info->lints & lint) || (size_t)len >= size)
            continue;
        len += snprintf(text + len, size - (size_t)len, "%s%s", before,
                        rv_lint_text(lint));
        before = "; ";
    }
}

static int write_task(int fd, const struct rv_task_info *info)
{
    static const char *const states[] = {
        [RV_TASK_WAITING] = "waiting",
        [RV_TASK_READY] = "ready",
        [RV_TASK_POLLED] = "running",
    };
    const int64_t longest_ns = info->poll_ns > info->longest_poll_ns
                                   ? info->poll_ns
                                   : info->longest_poll_ns;
    char what[LINE_BYTES / 2];
    char line[LINE_BYTES];

    describe(what, sizeof what, info);
    snprintf(line, sizeof line,
             "%9" PRIu32 "  %-7s %9" PRIu64 " %9" PRIu64 " %11.3f %8.1f  %s\n",
             rv_id_index(info->id), states[info->state], info->polls,
             info->wakes, as_ms(longest_ns), as_ms(info->age_ns) / 1000, what);
    return write_text(fd, line);
}

/* The number of tasks from `first` on that have the same executor. */
static uint32_t same_executor(const struct rv_task_info *tasks, uint32_t first,
                              uint32_t count)
{
    uint32_t end = first;

    while (end < count && tasks[end].executor == tasks[first].executor)
        end++;
    return end - first;
}

static int write_title(int fd, const struct rv_task_info *first, uint32_t len)
{
    char line[LINE_BYTES];

    snprintf(line, sizeof line,
             "executor %" PRIu32 ": %" PRIu32 " task%s\n"
             "     task  state       polls     wakes  longest ms    age s\n",
             first->executor, len, len == 1 ? "" : "s");
    return write_text(fd, line);
}

static int write_table(int fd, const struct rv_task_info *tasks, uint32_t count)
{
    uint32_t next_title = 0;
    int error = count ? 0 : write_text(fd, "no tasks\n");

    for (uint32_t i = 0; i < count && !error; i++) {
        if (i == next_title) {
            const uint32_t len = same_executor(tasks, i, count);

            error = write_title(fd, &tasks[i], len);
            next_title += len;
        }
        if (!error)
            error = write_task(fd, &tasks[i]);
    }
    return error;
}

int rv_task_dump_print(int fd)
{
    /* Tasks that are spawned in between get SPARE_TASKS rows; any more are left
     * out. */
    const uint32_t room = rv_task_dump_read(NULL, 0) + SPARE_TASKS;
    struct rv_task_info *tasks = rv_alloc(room * sizeof *tasks);
    uint32_t count;
    int error;

    if (!tasks)
        return -ENOMEM;
    count = rv_task_dump_read(tasks, room);
    error = write_table(fd, tasks, count < room ? count : room);
    rv_free(tasks);
    return error;
}
