/* SPDX-License-Identifier: MIT */
/* table.c - prints the figures as tables, one per case, and as JSON. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench/bench.h"

/* How the table shows a figure: its unit and its decimals. */
static const struct {
    const char *title;
    double unit;
    int decimals;
} shown[BENCH_FIGURES] = {
    {"ns/op", 1, 1},     {"CPU ns/op", 1, 1}, {"bytes/op", 1, 1},
    {"late ms", 1e6, 2}, {"early", 1, 0},     {"peak MB", 1e6, 0},
    {"calls/op", 1, 2},  {"instr/op", 1, 1},
};

static int compare_values(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static void sort_values(struct bench_row *row)
{
    for (int figure = 0; figure < BENCH_FIGURES; figure++)
        qsort(row->figure[figure].value, row->figure[figure].count,
              sizeof(double), compare_values);
}

/* Of at least one sorted value. */
static double median(const struct bench_values *values)
{
    size_t middle = values->count / 2;

    return values->count % 2
               ? values->value[middle]
               : (values->value[middle - 1] + values->value[middle]) / 2;
}

/* Rows of the first row's case. */
static size_t case_length(const struct bench_row *rows, size_t count)
{
    size_t n = 1;

    while (n < count && strcmp(rows[n].entry->area, rows->entry->area) == 0 &&
           strcmp(rows[n].entry->title, rows->entry->title) == 0)
        n++;
    return n;
}

/* The base of the ratios: the first peer, or ours if there is none. */
static const struct bench_row *base_of(const struct bench_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!rows[i].entry->ours)
            return &rows[i];
    return rows;
}

static bool any_has(const struct bench_row *rows, size_t n, int figure)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].figure[figure].count > 0)
            return true;
    return false;
}

static void print_value(double value, int figure, FILE *out)
{
    fprintf(out, " %10.*f", shown[figure].decimals, value / shown[figure].unit);
}

static void print_titles(const struct bench_row *rows, size_t n, int main,
                         FILE *out)
{
    fprintf(out, "%s: %s\n%-15s %10s %10s %10s %7s", rows->entry->area,
            rows->entry->title, "", shown[main].title, "min", "max", "times");
    for (int figure = 0; figure < BENCH_FIGURES; figure++)
        if (figure != main && any_has(rows, n, figure))
            fprintf(out, " %10s", shown[figure].title);
    fputc('\n', out);
}

static void print_main(const struct bench_row *row,
                       const struct bench_row *base, int main, FILE *out)
{
    const struct bench_values *values = &row->figure[main];
    double unit = median(&base->figure[main]);

    print_value(median(values), main, out);
    print_value(values->value[0], main, out);
    print_value(values->value[values->count - 1], main, out);
    fprintf(out, " %7.2f", unit > 0 ? median(values) / unit : 1);
}

static void print_case(const struct bench_row *rows, size_t n, FILE *out)
{
    const struct bench_row *base = base_of(rows, n);
    int main = (int)rows->entry->main_figure;

    print_titles(rows, n, main, out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%-15s", rows[i].entry->who);
        print_main(&rows[i], base, main, out);
        for (int figure = 0; figure < BENCH_FIGURES; figure++) {
            if (figure == main || !any_has(rows, n, figure))
                continue;
            if (rows[i].figure[figure].count > 0)
                print_value(median(&rows[i].figure[figure]), figure, out);
            else
                fprintf(out, " %10s", "-");
        }
        fputc('\n', out);
    }
}

void bench_print_table(struct bench_row *rows, size_t count, FILE *out)
{
    size_t n;

    for (size_t i = 0; i < count; i++)
        sort_values(&rows[i]);
    for (size_t i = 0; i < count; i += n) {
        n = case_length(&rows[i], count - i);
        if (i > 0)
            fputc('\n', out);
        print_case(&rows[i], n, out);
    }
}

static void print_json_row(const struct bench_row *row, FILE *out)
{
    fprintf(out, "{\"area\":\"%s\",\"case\":\"%s\",\"name\":\"%s\",\"peer\":%s",
            row->entry->area, row->entry->title, row->entry->who,
            row->entry->ours ? "false" : "true");
    for (int figure = 0; figure < BENCH_FIGURES; figure++) {
        const struct bench_values *values = &row->figure[figure];

        fprintf(out, ",\"%s\":", bench_figure_keys[figure]);
        if (values->count == 0)
            fputs("null", out);
        else
            fprintf(out, "{\"median\":%.3f,\"min\":%.3f,\"max\":%.3f}",
                    median(values), values->value[0],
                    values->value[values->count - 1]);
    }
    fputc('}', out);
}

void bench_print_json(struct bench_row *rows, size_t count, FILE *out)
{
    fputs("{\"rows\":[", out);
    for (size_t i = 0; i < count; i++) {
        sort_values(&rows[i]);
        fputs(i > 0 ? ",\n" : "\n", out);
        print_json_row(&rows[i], out);
    }
    fputs("\n]}\n", out);
}
