/* SPDX-License-Identifier: MIT */
/* align.c - a longest common subsequence of two logs. */
#include "cli/compare/align.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 4096 }; /* a log is folded, and far shorter */

static bool same_event(const struct log_line *a, const struct log_line *b)
{
    if (a->event != b->event)
        return false;
    return (a->event != LOG_OTHER && a->event != LOG_DETAIL) ||
           strcmp(a->text, b->text) == 0;
}

/*
 * best[i][j]: how many lines match from line i of the left log and line j of
 * the right one on. Wagner and Fischer's table (1974), filled from its end.
 */
struct table {
    unsigned short *best;
    size_t columns;
};

static unsigned short *cell(const struct table *table, size_t i, size_t j)
{
    return &table->best[i * table->columns + j];
}

static void fill(const struct table *table, const struct run *left,
                 const struct run *right, size_t lines, size_t columns)
{
    for (size_t i = lines; i-- > 0;)
        for (size_t j = columns; j-- > 0;) {
            const unsigned short down = *cell(table, i + 1, j);
            const unsigned short over = *cell(table, i, j + 1);
            unsigned short most = down > over ? down : over;

            if (same_event(&left->lines[i], &right->lines[j]))
                most = (unsigned short)(*cell(table, i + 1, j + 1) + 1);
            *cell(table, i, j) = most;
        }
}

/*
 * A line that one of the logs has alone, and that is more than a detail. When
 * a reactor falls asleep depends on its thread, and the lessons do not log it.
 */
static bool differs(const struct log_row *row)
{
    const struct log_line *line = row->left ? row->left : row->right;

    return !(row->left && row->right) && line->event != LOG_DETAIL &&
           line->event != LOG_WAIT;
}

/* The runtime starts before the program that it runs: where both programs
 * start, or 0. */
static size_t common_start(const struct log_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i].left && rows->row[i].right &&
            rows->row[i].left->event == LOG_START)
            return i;
    return 0;
}

static void append(struct log_rows *rows, const struct log_line *left,
                   const struct log_line *right)
{
    rows->row[rows->count++] = (struct log_row){left, right};
}

static size_t at_most(size_t count)
{
    return count < MOST_LINES ? count : MOST_LINES;
}

int compare_align(struct log_rows *rows, const struct run *left,
                  const struct run *right)
{
    const size_t n = at_most(left->line_count);
    const size_t m = at_most(right->line_count);
    struct table table = {calloc((n + 1) * (m + 1), sizeof(unsigned short)),
                          m + 1};
    size_t i = 0;
    size_t j = 0;

    *rows = (struct log_rows){calloc(n + m + 1, sizeof *rows->row), 0, 0};
    if (!table.best || !rows->row) {
        free(table.best);
        free(rows->row);
        return -ENOMEM;
    }
    fill(&table, left, right, n, m);
    while (i < n || j < m) {
        if (i < n && j < m && same_event(&left->lines[i], &right->lines[j])) {
            append(rows, &left->lines[i++], &right->lines[j++]);
        } else if (j == m || (i < n && *cell(&table, i + 1, j) >=
                                           *cell(&table, i, j + 1))) {
            append(rows, &left->lines[i++], NULL);
        } else {
            append(rows, NULL, &right->lines[j++]);
        }
    }
    free(table.best);
    rows->first = common_start(rows);
    while (rows->first < rows->count && !differs(&rows->row[rows->first]))
        rows->first++;
    return 0;
}
