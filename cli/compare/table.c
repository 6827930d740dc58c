/* SPDX-License-Identifier: MIT */
/*
 * table.c - the figures of the runs as a table, as ratios, and as JSON.
 */
#include <string.h>

#include "cli/compare/compare.h"
#include "cli/language.h"

/* As the figures are called in the logs, but for those that no log has. */
static const char *title_of(int figure)
{
    static const char *const titles[FIGURES] = {
        "wall ms",     "cpu ms", "polls", "would-block",
        "epoll_waits", "wakes",  "parks", "syscalls",
    };

    switch (figure) {
    case FIG_WALL_MS:
        return say("wall ms", "temps ms");
    case FIG_SYSCALLS:
        return say("syscalls", "appels");
    default:
        return titles[figure];
    }
}

/* The figures whose ratio is meaningful for every stage. */
static const enum figure compared[] = {FIG_WALL_MS, FIG_CPU_MS, FIG_POLLS,
                                       FIG_SYSCALLS};

static bool is_time(int figure)
{
    return figure == FIG_WALL_MS || figure == FIG_CPU_MS;
}

static void print_figure(FILE *out, int figure, double value, int width)
{
    if (value < 0)
        fprintf(out, "%*s", width, "-");
    else
        fprintf(out, "%*s", width,
                decimal(value, is_time(figure) ? 1 : 0).text);
}

static void print_figures(const struct run *runs, size_t count, FILE *out)
{
    fprintf(out, "%-12s", "");
    for (size_t i = 0; i < count; i++)
        fprintf(out, " %11s", runs[i].stage->name);
    fputc('\n', out);
    for (int figure = 0; figure < FIGURES; figure++) {
        fprintf(out, "%-12s", title_of(figure));
        for (size_t i = 0; i < count; i++)
            print_figure(out, figure, runs[i].figure[figure], 12);
        fputc('\n', out);
    }
}

/* How many times less than the first run. */
static void print_ratios(const struct run *runs, size_t count, FILE *out)
{
    const struct run *base = &runs[0];

    fprintf(out,
            say("\nhow many times less than %s\n",
                "\ncombien de fois moins que %s\n"),
            base->stage->name);
    for (size_t k = 0; k < sizeof compared / sizeof compared[0]; k++) {
        const int figure = (int)compared[k];
        const double most = base->figure[figure];

        fprintf(out, "%-12s", title_of(figure));
        for (size_t i = 0; i < count; i++) {
            const double value = runs[i].figure[figure];

            if (most < 0 || value <= 0)
                fprintf(out, "%12s", "-");
            else
                fprintf(out, "%12s",
                        decimal(most / value, most / value < 100 ? 2 : 0).text);
        }
        fputc('\n', out);
    }
}

void compare_print_table(const struct run *runs, size_t count, FILE *out)
{
    print_figures(runs, count, out);
    if (count > 1)
        print_ratios(runs, count, out);
    fputc('\n', out);
    for (int figure = 0; figure < FIGURES; figure++)
        fprintf(out, "%-12s%s\n", title_of(figure),
                compare_figure_legend((enum figure)figure));
    fputc('\n', out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%-12s%s\n", runs[i].stage->name,
                say(runs[i].stage->words, runs[i].stage->words_fr));
}

void compare_print_json(const struct run *runs, size_t count, FILE *out)
{
    fputs("{\"runs\":[", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s{\"name\":\"%s\"", i ? "," : "", runs[i].stage->name);
        for (int figure = 0; figure < FIGURES; figure++) {
            double value = runs[i].figure[figure];

            fprintf(out, ",\"%s\":", compare_figure_keys[figure]);
            if (value < 0)
                fputs("null", out);
            else
                fprintf(out, "%.*f", is_time(figure) ? 3 : 0, value);
        }
        fputc('}', out);
    }
    fputs("]}\n", out);
}
