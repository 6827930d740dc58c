/* SPDX-License-Identifier: MIT */
/*
 * parse.c - parse the log lines and the figures that a stage wrote.
 *
 * A log line is "   600.4 ms  reactor   text". Any other line before the line
 * of figures gets the time and the thread of the line above it. The lines of a
 * response become one.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/compare/compare.h"

static const char figures_word[] = "figures ";

/* Returns: the number after "key": in the line, or UNKNOWN_FIGURE. */
static double find_figure(const char *line, const char *key)
{
    char quoted[32];
    const char *at;

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(line, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : UNKNOWN_FIGURE;
}

static void parse_figures(struct run *run, const char *line)
{
    for (int i = FIG_POLLS; i <= FIG_PARKS; i++)
        run->figure[i] = find_figure(line, compare_figure_keys[i]);
}

/* Cut at the first two spaces in a row. Returns: the text after them. */
static char *cut_column(char *text)
{
    char *gap = strstr(text, "  ");

    if (!gap)
        return text + strlen(text);
    *gap = '\0';
    return gap + 1 + strspn(gap + 1, " ");
}

/*
 * The lines of a response follow its status line: headers, a blank one, the
 * body. They are folded into "HTTP/1.1 200 OK | body". The first line has room
 * for that: what is folded stood behind it, each line with columns of its own.
 */
static bool fold_response(struct log_line *last, const char *text)
{
    char *end = (char *)last->text + strlen(last->text);
    const bool is_body = strchr(last->text, '|') != NULL;

    if (last->event != LOG_RESPONSE || log_event_of(text) != LOG_OTHER)
        return false;
    if (is_body) {
        memmove(end + 1, text, strlen(text) + 1);
        *end = ' ';
    } else if (*text == '\0') {
        memcpy(end, " |", 3);
    }
    return true;
}

static void parse_line(struct run *run, char *line)
{
    struct log_line *out = &run->lines[run->line_count];
    char *end;
    double at_ms = strtod(line, &end);

    if (end == line || strncmp(end, " ms  ", 5) != 0) {
        if (run->line_count == 0)
            return;
        *out = out[-1];
        out->text =
            line + strspn(line, " |"); /* the demo's mark of a response */
        if (*line == '\0')
            return;
    } else {
        out->at_ms = at_ms;
        out->thread = end + 5;
        out->text = cut_column(end + 5);
    }
    if (run->line_count > 0 && fold_response(out - 1, out->text))
        return;
    out->event = log_event_of(out->text);
    run->line_count++;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;

    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

void compare_parse(struct run *run, char *output)
{
    char *rest = output;
    char *line;

    for (int i = 0; i < FIGURES; i++)
        run->figure[i] = UNKNOWN_FIGURE;
    run->output = output;
    run->line_count = 0;
    run->lines = calloc(count_lines(output), sizeof *run->lines);
    if (!run->lines)
        return;
    while ((line = strsep(&rest, "\n")))
        if (strncmp(line, figures_word, strlen(figures_word)) == 0)
            parse_figures(run, line);
        else
            parse_line(run, line);
}
