/* SPDX-License-Identifier: MIT */
/* urls.c - the URLs that `reveil get` fetches, and file names for them. */
#include "cli/urls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_BYTES = 100 }; /* of a name: host or last part */

int urls_add(struct urls *urls, const char *url)
{
    /* The capacity doubles when the count is a power of two. */
    if ((urls->count & (urls->count - 1)) == 0) {
        const size_t room = urls->count ? 2 * urls->count : 1;
        char **list = realloc(urls->list, room * sizeof *list);

        if (!list)
            return -ENOMEM;
        urls->list = list;
    }
    urls->list[urls->count] = strdup(url);
    if (!urls->list[urls->count])
        return -ENOMEM;
    urls->count++;
    return 0;
}

static int add_line(struct urls *urls, char *line)
{
    line += strspn(line, " \t");
    line[strcspn(line, " \t\r\n")] = '\0';
    if (*line == '\0' || *line == '#')
        return 0;
    return urls_add(urls, line);
}

int urls_add_file(struct urls *urls, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    int error = 0;

    if (!file)
        return -errno;
    errno = 0;
    while (error == 0 && getline(&line, &room, file) >= 0)
        error = add_line(urls, line);
    /* getline() also ends at an error, or without memory. */
    if (error == 0 && (ferror(file) || !feof(file)))
        error = errno ? -errno : -EIO;
    free(line);
    if (file != stdin)
        fclose(file);
    return error;
}

void urls_free(struct urls *urls)
{
    for (size_t i = 0; i < urls->count; i++)
        free(urls->list[i]);
    free(urls->list);
}

/* Copy `len` bytes, and replace those not allowed in a file name by '_'. */
static void tame(char part[PART_BYTES], const char *text, size_t len)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = 0;

    for (; n < len && n < PART_BYTES - 1; n++)
        part[n] = strchr(good, text[n]) ? text[n] : '_';
    part[n] = '\0';
}

void urls_file_name(char *name, size_t size, size_t number, const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end ? scheme_end + 3 : url;
    const size_t host_len = strcspn(host, "/?#");
    const char *path = host + host_len;
    const size_t path_len = strcspn(path, "?#");
    const char *last = memrchr(path, '/', path_len);
    char host_part[PART_BYTES];
    char last_part[PART_BYTES];

    last = last ? last + 1 : path;
    tame(host_part, host, host_len);
    tame(last_part, last, (size_t)(path + path_len - last));
    snprintf(name, size, "%04zu-%s-%s", number, host_part,
             last_part[0] ? last_part : "index");
}
