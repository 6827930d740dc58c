/* SPDX-License-Identifier: MIT */
/* fork_sort.c - sort the lines of stdin on all cores: fork_sort [CORES]
 *
 * Merge sort: one half is forked, the other one is sorted here, then both are
 * merged. Small pieces are not worth a fork, and go to qsort(). */
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORTH_A_FORK = 1000 };

/* Lines, and room for as many. */
struct piece {
    char **lines;
    char **room;
    size_t len;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void merge(const struct piece *whole, size_t middle)
{
    char **left = whole->lines;
    char **right = whole->lines + middle;
    char **end = whole->lines + whole->len;

    for (size_t i = 0; i < whole->len; i++) {
        const bool take_right = left == whole->lines + middle ||
                                (right < end && strcmp(*right, *left) < 0);

        whole->room[i] = take_right ? *right++ : *left++;
    }
    memcpy(whole->lines, whole->room, whole->len * sizeof *whole->lines);
}

static void sort(void *arg)
{
    const struct piece *whole = arg;
    const size_t middle = whole->len / 2;
    struct piece left = {whole->lines, whole->room, middle};
    struct piece right = {whole->lines + middle, whole->room + middle,
                          whole->len - middle};
    struct rv_fork fork;

    if (whole->len < WORTH_A_FORK) {
        qsort(whole->lines, whole->len, sizeof *whole->lines, compare);
        return;
    }
    rv_fork(&fork, sort, &left);
    sort(&right);
    rv_sync(&fork);
    merge(whole, middle);
}

static int32_t root(void *arg)
{
    sort(arg);
    return 0;
}

/* --- lines ------------------------------------------------------------- */

static int add_line(struct piece *all, char *line)
{
    /* Room for twice as many whenever the number is a power of two. */
    if ((all->len & (all->len - 1)) == 0) {
        const size_t size = (all->len ? 2 * all->len : 1) * sizeof line;
        char **lines = realloc(all->lines, size);

        if (!lines)
            return -1;
        all->lines = lines;
    }
    all->lines[all->len++] = line;
    return 0;
}

static int read_lines(struct piece *all)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) >= 0) {
        if (add_line(all, line) < 0)
            return -1;
        line = NULL;
        size = 0;
    }
    free(line);
    all->room = malloc((all->len + 1) * sizeof *all->room);
    return all->room ? 0 : -1;
}

static void write_lines(struct piece *all)
{
    for (size_t i = 0; i < all->len; i++) {
        fputs(all->lines[i], stdout);
        free(all->lines[i]);
    }
    free(all->lines);
    free(all->room);
}

/* Returns: the number, or -1 if it is none up to `most`. */
static int parse(const char *text, long most)
{
    char *end;
    const long number = strtol(text, &end, 10);

    return *text && !*end && number >= 0 && number <= most ? (int)number : -1;
}

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: fork_sort [CORES]\n");
    return status;
}

int main(int argc, char **argv)
{
    struct piece all = {0};
    const int cores = argc > 1 ? parse(argv[1], 1024) : 0;
    const struct rv_sched_options options = {.cores = (uint32_t)cores};
    struct rv_sched *sched;
    int error;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 2 || cores < 0)
        return usage(stderr, 2);
    error = rv_sched_start(&sched, &options);
    if (error < 0) {
        fprintf(stderr, "fork_sort: %s\n", strerror(-error));
        return 1;
    }
    if (read_lines(&all) < 0) {
        fprintf(stderr, "fork_sort: no memory\n");
        return 1;
    }
    error = rv_sched_run(sched, root, &all);
    rv_sched_stop(sched);
    write_lines(&all);
    return error < 0;
}
