/* SPDX-License-Identifier: MIT */
/*
 * logs.c - two logs side by side, and the first event at which they differ.
 *
 * Logs are compared by what happened (thread and text), not by when.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/compare/compare.h"

enum { NARROWEST = 100, WIDEST = 160 };

static int screen_width(FILE *out)
{
    struct winsize size = {0};

    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) < 0 ||
        size.ws_col < NARROWEST)
        return NARROWEST;
    return size.ws_col > WIDEST ? WIDEST : size.ws_col;
}

/* The date in a response differs from run to run. */
static bool same_text(const char *a, const char *b)
{
    static const char date[] = "Date:";
    const size_t len = sizeof date - 1;

    return strcmp(a, b) == 0 ||
           (strncmp(a, date, len) == 0 && strncmp(b, date, len) == 0);
}

static bool same_event(const struct log_line *a, const struct log_line *b)
{
    return strcmp(a->thread, b->thread) == 0 && same_text(a->text, b->text);
}

/* The line in at most `width` columns; a longer one ends in ">". */
static void format_cell(char *cell, const struct log_line *line, int width)
{
    int len = snprintf(cell, (size_t)width + 1, "%8.1f %-8s %s", line->at_ms,
                       line->thread, line->text);

    if (len > width)
        cell[width - 1] = '>';
}

/* Returns: the index of the first event that differs. */
static size_t first_difference(const struct run *left, const struct run *right)
{
    size_t i = 0;

    while (i < left->line_count && i < right->line_count &&
           same_event(&left->lines[i], &right->lines[i]))
        i++;
    return i;
}

static const struct log_line *line_at(const struct run *run, size_t i)
{
    return i < run->line_count ? &run->lines[i] : NULL;
}

static void print_event(FILE *out, const struct run *run, size_t i)
{
    const struct log_line *line = line_at(run, i);

    if (line)
        fprintf(out, "  %-12s %.1f ms, %s: %s\n", run->stage->name, line->at_ms,
                line->thread, line->text);
    else
        fprintf(out, "  %-12s has ended\n", run->stage->name);
}

static void print_difference(FILE *out, const struct run *left,
                             const struct run *right)
{
    size_t i = first_difference(left, right);

    if (!line_at(left, i) && !line_at(right, i)) {
        fputs("\nthe same events in the same order\n", out);
        return;
    }
    fprintf(out, "\nfirst difference: event %zu\n", i + 1);
    print_event(out, left, i);
    print_event(out, right, i);
}

void compare_print_logs(const struct run *left, const struct run *right,
                        FILE *out)
{
    int width = (screen_width(out) - 3) / 2;
    size_t first = first_difference(left, right);

    fprintf(out, "\n%-*s   %s\n", width, left->stage->name, right->stage->name);
    for (size_t i = 0; line_at(left, i) || line_at(right, i); i++) {
        char cells[2][WIDEST + 1] = {"", ""};

        if (line_at(left, i))
            format_cell(cells[0], line_at(left, i), width);
        if (line_at(right, i))
            format_cell(cells[1], line_at(right, i), width);
        fprintf(out, "%-*s %c %s\n", width, cells[0], i == first ? '*' : '|',
                cells[1]);
    }
    print_difference(out, left, right);
}
