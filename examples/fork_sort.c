/* SPDX-License-Identifier: MIT */
/* fork_sort.c - sort the lines of stdin on all cores: fork_sort [CORES]
 *
 * Merge sort: one half is forked, the other one is sorted here, then both are
 * merged. Small pieces are not worth a fork; qsort() sorts them. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { WORTH_A_FORK = 1000 };

/* `len` lines, and a buffer for as many. */
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

/* Returns: 0, -ENOMEM. */
static int add_line(struct piece *all, char *line)
{
    /* The capacity doubles when the number is a power of two. */
    if ((all->len & (all->len - 1)) == 0) {
        const size_t size = (all->len ? 2 * all->len : 1) * sizeof line;
        char **lines = realloc(all->lines, size);

        if (!lines)
            return -ENOMEM;
        all->lines = lines;
    }
    all->lines[all->len++] = line;
    return 0;
}

/* Remove the newline; the last line may have none. Returns: 0; -EILSEQ if there
 * is a NUL in the line, which would truncate it. */
static int cut(char *line, size_t len)
{
    if (line[len - 1] == '\n')
        line[--len] = '\0';
    return strlen(line) == len ? 0 : -EILSEQ;
}

/* getline() returns -1 at the end, at a read error, and without memory. Only at
 * the end is the input complete. Returns: 0, negative errno. */
static int read_lines(struct piece *all)
{
    int error = 0;

    while (!error) {
        char *line = NULL;
        size_t size = 0;
        const ssize_t len = getline(&line, &size, stdin);

        if (len < 0) {
            error = feof(stdin) && !ferror(stdin) ? 0 : -errno;
            free(line);
            break;
        }
        error = cut(line, (size_t)len);
        if (!error)
            error = add_line(all, line);
        if (error)
            free(line);
    }
    if (!error)
        all->room = malloc((all->len + 1) * sizeof *all->room);
    return error || all->room ? error : -ENOMEM;
}

static void write_lines(const struct piece *all)
{
    for (size_t i = 0; i < all->len; i++)
        puts(all->lines[i]);
}

static void free_lines(struct piece *all)
{
    for (size_t i = 0; i < all->len; i++)
        free(all->lines[i]);
    free(all->lines);
    free(all->room);
}

/* Returns: the number; -1 if the text is not a number up to `most`. */
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
    const int workers = argc > 1 ? parse(argv[1], 1024) : 0;
    const struct rv_sched_options options = {.workers = (uint32_t)workers};
    struct rv_sched *sched;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 2 || workers < 0)
        return usage(stderr, 2);
    error = rv_sched_start(&sched, &options);
    if (!error) {
        error = read_lines(&all);
        if (!error)
            error = rv_sched_run(sched, root, &all);
        if (!error)
            write_lines(&all);
        rv_sched_stop(sched);
        free_lines(&all);
    }
    if (error)
        fprintf(stderr, "fork_sort: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
