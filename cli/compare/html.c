/* SPDX-License-Identifier: MIT */
/*
 * html.c - the runs as one self-contained page: figures as bars, and a
 * timeline of each run as a picture.
 */
#include <math.h>
#include <string.h>

#include "cli/compare/compare.h"
#include "cli/language.h"

enum {
    PICTURE_WIDTH = 900,
    NAME_WIDTH = 110,
    ROW_HEIGHT = 26,
    BAR_HEIGHT = 14,
    AXIS_HEIGHT = 22,
    RIGHT_MARGIN = 40, /* for the last number of the axis */
    THREADS_SHOWN = 6,
};

/* The narrowest bar. */
#define HAIRLINE 1.0

static const char page_start[] =
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>reveil compare</title>\n<style>\n"
    ":root{--ink:#1c2128;--soft:#667;--page:#fff;--line:#d5d9de;"
    "--bar:#3566b8;--run:#3566b8;--sleep:#c9d6ea;--mark:#c2410c}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa4b2;"
    "--page:#16191d;--line:#343a42;--bar:#7ba4e8;--run:#7ba4e8;"
    "--sleep:#2b3a52;--mark:#fb923c}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
    "background:var(--page);max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .4rem}"
    "p{color:var(--soft);margin:.2rem 0 .8rem}\n"
    "svg{width:100%;height:auto;display:block}"
    "text{fill:var(--ink);font:12px system-ui,sans-serif}"
    ".soft{fill:var(--soft)}.bar{fill:var(--bar)}.run{fill:var(--run)}"
    ".sleep{fill:var(--sleep)}.mark{stroke:var(--mark);stroke-width:1.5}"
    ".axis{stroke:var(--line)}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th,td{padding:.25rem .5rem;text-align:right;"
    "border-bottom:1px solid var(--line)}"
    "th:first-child,td:first-child{text-align:left}"
    ".key span{display:inline-block;width:1em;height:.8em;margin:0 .3em 0 1em}"
    ".wide{overflow-x:auto}"
    "\n</style>\n</head>\n<body>\n";

static void put_text(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
        }
}

static void put_value(FILE *out, int figure, double value)
{
    if (value < 0)
        fputs("-", out);
    else
        fputs(decimal(value, figure <= FIG_CPU_MS).text, out);
}

static const char *words(const struct stage *stage)
{
    return say(stage->words, stage->words_fr);
}

/* --- figures ----------------------------------------------------------- */

static void put_table(FILE *out, const struct run *runs, size_t count)
{
    fprintf(out, "<div class=\"wide\"><table><tr><th>%s</th>",
            say("stage", "étape"));
    for (int figure = 0; figure < FIGURES; figure++)
        fprintf(out, "<th title=\"%s\">%s</th>",
                compare_figure_legend((enum figure)figure),
                compare_figure_keys[figure]);
    fputs("</tr>\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<tr><td title=\"%s\">%s</td>", words(runs[i].stage),
                runs[i].stage->name);
        for (int figure = 0; figure < FIGURES; figure++) {
            fputs("<td>", out);
            put_value(out, figure, runs[i].figure[figure]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n<ul>\n", out);
    for (int figure = 0; figure < FIGURES; figure++)
        fprintf(out, "<li>%s: %s</li>\n", compare_figure_keys[figure],
                compare_figure_legend((enum figure)figure));
    fputs("</ul>\n", out);
}

/*
 * Bars on a linear scale: what is a hundred times less looks a hundred times
 * shorter. A bar of which nothing would be seen is a hairline; its number
 * stands beside it.
 */
static void put_bars(FILE *out, const struct run *runs, size_t count,
                     enum figure figure, const char *title)
{
    const double room = PICTURE_WIDTH - NAME_WIDTH - 110;
    double largest = 0;

    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, runs[i].figure[figure]);
    fprintf(out,
            "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %zu\" role=\"img\" "
            "aria-label=\"%s\">\n",
            title, PICTURE_WIDTH, count * ROW_HEIGHT, title);
    for (size_t i = 0; i < count; i++) {
        const double value = runs[i].figure[figure];
        const double width =
            value > 0 ? fmax(room * value / largest, HAIRLINE) : 0;
        const size_t y = i * ROW_HEIGHT;

        fprintf(out,
                "<text x=\"0\" y=\"%zu\">%s</text><rect class=\"bar\" "
                "x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\"/>"
                "<text x=\"%.1f\" y=\"%zu\">",
                y + 16, runs[i].stage->name, NAME_WIDTH, y + 5, width,
                BAR_HEIGHT, NAME_WIDTH + width + 6, y + 16);
        put_value(out, (int)figure, value);
        fputs("</text>\n", out);
    }
    fputs("</svg>\n", out);
}

/* --- timelines --------------------------------------------------------- */

struct threads {
    const char *name[THREADS_SHOWN];
    int count;
};

static struct threads find_threads(const struct run *run)
{
    struct threads threads = {.count = 0};

    for (size_t i = 0; i < run->line_count; i++) {
        int k = 0;

        while (k < threads.count &&
               strcmp(threads.name[k], run->lines[i].thread) != 0)
            k++;
        if (k == threads.count && k < THREADS_SHOWN)
            threads.name[threads.count++] = run->lines[i].thread;
    }
    return threads;
}

struct picture {
    const struct run *run;
    double end_ms; /* at the right edge */
};

static double x_of(const struct picture *picture, double at_ms)
{
    return NAME_WIDTH + (PICTURE_WIDTH - NAME_WIDTH - RIGHT_MARGIN) * at_ms /
                            picture->end_ms;
}

static void put_span(FILE *out, const struct picture *picture, double from_ms,
                     double to_ms, int row, bool asleep)
{
    double from = x_of(picture, from_ms);
    double width = x_of(picture, to_ms) - from;

    if (width < 0.5)
        return;
    fprintf(out,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
            "height=\"%d\"/>",
            asleep ? "sleep" : "run", from, row * ROW_HEIGHT + 5, width,
            BAR_HEIGHT);
}

static void put_mark(FILE *out, const struct picture *picture,
                     const struct log_line *line, int row)
{
    fprintf(out,
            "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
            "y2=\"%d\"><title>%s ms%s",
            x_of(picture, line->at_ms), x_of(picture, line->at_ms),
            row * ROW_HEIGHT + 2, row * ROW_HEIGHT + BAR_HEIGHT + 8,
            decimal(line->at_ms, 1).text, say(": ", " : "));
    put_text(out, line->text);
    fputs("</title></line>\n", out);
}

/*
 * One thread: the spans between its lines, then a mark for each line. A thread
 * whose first event ends a sleep has slept since the start; one that went to
 * sleep last sleeps to the end of the run.
 */
static void put_thread(FILE *out, const struct picture *picture,
                       const char *thread, int row)
{
    const struct run *run = picture->run;
    const double run_end = run->lines[run->line_count - 1].at_ms;
    const struct log_line *before = NULL;

    fprintf(out, "<text x=\"0\" y=\"%d\">", row * ROW_HEIGHT + 16);
    put_text(out, thread);
    fputs("</text>", out);
    for (size_t i = 0; i < run->line_count; i++) {
        const struct log_line *line = &run->lines[i];

        if (strcmp(line->thread, thread) != 0)
            continue;
        if (before)
            put_span(out, picture, before->at_ms, line->at_ms, row,
                     log_event_sleeps(before->event, run->stage->never_sleeps));
        else if (log_event_ends_sleep(line->event))
            put_span(out, picture, 0, line->at_ms, row, true);
        before = line;
    }
    if (before && log_event_sleeps(before->event, run->stage->never_sleeps))
        put_span(out, picture, before->at_ms, run_end, row, true);
    for (size_t i = 0; i < run->line_count; i++)
        if (strcmp(run->lines[i].thread, thread) == 0)
            put_mark(out, picture, &run->lines[i], row);
}

static void put_axis(FILE *out, const struct picture *picture, int rows)
{
    for (int ms = 0; ms <= (int)picture->end_ms; ms += 200)
        fprintf(out,
                "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" "
                "y2=\"%d\"/><text class=\"soft\" x=\"%.1f\" y=\"%d\">%d"
                "%s</text>\n",
                x_of(picture, ms), x_of(picture, ms), rows * ROW_HEIGHT,
                x_of(picture, ms) + 3, rows * ROW_HEIGHT + 14, ms,
                ms ? "" : " ms");
}

static void put_timeline(FILE *out, const struct run *run, double end_ms)
{
    struct threads threads = find_threads(run);
    struct picture picture = {run, end_ms};

    fprintf(out,
            "<h2>%s</h2>\n<p>%s</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"%s %s\">\n",
            run->stage->name, words(run->stage), PICTURE_WIDTH,
            threads.count * ROW_HEIGHT + AXIS_HEIGHT,
            say("timeline of", "chronologie de"), run->stage->name);
    put_axis(out, &picture, threads.count);
    for (int row = 0; row < threads.count; row++)
        put_thread(out, &picture, threads.name[row], row);
    fputs("</svg>\n", out);
}

void compare_print_html(const struct run *runs, size_t count, FILE *out)
{
    double end_ms = 1;

    fprintf(out, "<!doctype html>\n<html lang=\"%s\">\n<head>\n",
            language_name());
    fputs(page_start, out);
    fprintf(out, "<h1>%s</h1>\n",
            say("Two GETs, 600 ms and 400 ms, waited for in different ways",
                "Deux GET, de 600 ms et de 400 ms, attendus de plusieurs "
                "façons"));
    put_table(out, runs, count);
    put_bars(out, runs, count, FIG_WALL_MS,
             say("Wall time, ms", "Temps écoulé, ms"));
    put_bars(out, runs, count, FIG_CPU_MS,
             say("CPU time, ms", "Temps de processeur, ms"));
    put_bars(out, runs, count, FIG_POLLS, say("Polls", "Sondages"));
    put_bars(out, runs, count, FIG_SYSCALLS,
             say("System calls", "Appels système"));
    fprintf(out,
            "<h1>%s</h1>\n<p class=\"key\">"
            "<span style=\"background:var(--run)\"></span>%s"
            "<span style=\"background:var(--sleep)\"></span>%s"
            "<span style=\"background:var(--mark);width:2px\"></span>%s</p>\n",
            say("Timelines", "Chronologies"), say("runs", "tourne"),
            say("sleeps", "dort"),
            say("a line of the log (point at it to read it)",
                "une ligne du journal (pointez-la pour la lire)"));
    for (size_t i = 0; i < count; i++)
        if (runs[i].line_count)
            end_ms = fmax(end_ms, runs[i].lines[runs[i].line_count - 1].at_ms);
    for (size_t i = 0; i < count; i++)
        put_timeline(out, &runs[i], end_ms * 1.02);
    fputs("</body>\n</html>\n", out);
}
