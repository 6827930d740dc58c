/* SPDX-License-Identifier: MIT */
/*
 * step_page.c - puts recorded runs into the template of course/step/, which
 * Meson has made a header of.
 */
#include "cli/step_page.h"

#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/language.h"
#include "step_page_template.h"

static const char place[] = "@TRACES@";

static int failed(const char *path)
{
    return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
}

static int close_file(FILE *out, const char *path)
{
    const int error = ferror(out);

    if (fclose(out) != 0 || error)
        return failed(path);
    return CLI_OK;
}

int step_page_write(const char *path, const struct trace_recording *left,
                    const struct trace_recording *right)
{
    const char *text = (const char *)step_page_template;
    const char *at = strstr(text, place);
    FILE *out = fopen(path, "w");

    if (!out)
        return failed(path);
    fwrite(text, 1, (size_t)(at - text), out);
    fprintf(out, "{\"lang\":\"%s\",\"traces\":[", language_name());
    trace_json_write(left, out);
    if (right) {
        fputc(',', out);
        trace_json_write(right, out);
    }
    fputs("]}", out);
    fputs(at + sizeof place - 1, out);
    return close_file(out, path);
}

int step_page_write_json(const char *path,
                         const struct trace_recording *recording)
{
    FILE *out = fopen(path, "w");

    if (!out)
        return failed(path);
    trace_json_write(recording, out);
    fputc('\n', out);
    return close_file(out, path);
}
