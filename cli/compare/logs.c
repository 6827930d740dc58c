/* SPDX-License-Identifier: MIT */
/*
 * logs.c - two logs side by side, and the first event at which they differ.
 *
 *     left | right    both tell of this event
 *     left <          only the left log has it
 *          > right    only the right one
 *          *          the first difference
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/compare/align.h"
#include "cli/language.h"

enum { NARROWEST = 79, WIDEST = 160 };

static int screen_width(FILE *out)
{
    struct winsize size = {0};

    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
        return 100;
    if (size.ws_col <= NARROWEST)
        return NARROWEST;
    return size.ws_col > WIDEST ? WIDEST : size.ws_col - 1;
}

/* The line in at most `width` columns; a longer one ends in ">". */
static void format_cell(char *cell, const struct log_line *line, int width)
{
    const int len =
        snprintf(cell, (size_t)width + 1, "%8s %-8s %s",
                 decimal(line->at_ms, 1).text, line->thread, line->text);

    if (len > width)
        cell[width - 1] = '>';
}

static char mark_of(const struct log_rows *rows, size_t i)
{
    if (i == rows->first)
        return '*';
    if (rows->row[i].left && rows->row[i].right)
        return '|';
    return rows->row[i].left ? '<' : '>';
}

static void print_row(FILE *out, const struct log_rows *rows, size_t i,
                      int width)
{
    char cells[2][WIDEST + 1] = {"", ""};

    if (rows->row[i].left)
        format_cell(cells[0], rows->row[i].left, width);
    if (rows->row[i].right)
        format_cell(cells[1], rows->row[i].right, width);
    fprintf(out, "%-*s %c %s\n", width, cells[0], mark_of(rows, i), cells[1]);
}

/* What a log tells next that is more than a detail; NULL: nothing. */
static const struct log_line *next_event(const struct log_rows *rows, bool left)
{
    for (size_t i = rows->first; i < rows->count; i++) {
        const struct log_line *line =
            left ? rows->row[i].left : rows->row[i].right;

        if (line && line->event != LOG_DETAIL && line->event != LOG_WAIT)
            return line;
    }
    return NULL;
}

static void print_event(FILE *out, const char *name,
                        const struct log_line *line)
{
    if (line)
        fprintf(out, say("  %-12s %s ms, %s: %s\n", "  %-12s %s ms, %s : %s\n"),
                name, decimal(line->at_ms, 1).text, line->thread, line->text);
    else
        fprintf(out, "  %-12s %s\n", name, say("has ended", "est terminé"));
}

static size_t common_events(const struct log_rows *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < rows->first; i++)
        count += rows->row[i].left && rows->row[i].right;
    return count;
}

void compare_print_logs(const struct run *left, const struct run *right,
                        FILE *out)
{
    const int width = (screen_width(out) - 3) / 2;
    struct log_rows rows;

    if (compare_align(&rows, left, right) < 0) {
        fputs(say("\nout of memory for the logs\n",
                  "\nplus assez de mémoire pour les journaux\n"),
              out);
        return;
    }
    fprintf(out, "\n%-*s   %s\n", width, left->stage->name, right->stage->name);
    for (size_t i = 0; i < rows.count; i++)
        print_row(out, &rows, i, width);
    if (rows.first == rows.count) {
        fputs(say("\nthe same events in the same order\n",
                  "\nles mêmes évènements dans le même ordre\n"),
              out);
    } else {
        fprintf(out,
                say("\nfirst difference, after %zu events that both have:\n",
                    "\npremière différence, après %zu évènements communs :\n"),
                common_events(&rows));
        print_event(out, left->stage->name, next_event(&rows, true));
        print_event(out, right->stage->name, next_event(&rows, false));
    }
    free(rows.row);
}
