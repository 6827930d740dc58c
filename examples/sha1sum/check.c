/* SPDX-License-Identifier: MIT */
/*
 * check.c - read a list of sums, hash its files, compare.
 *
 * Threads: the executor's. The list itself is read by stdio, before any file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha1sum.h"

struct list {
    const char *name; /* as messages have it */
    struct item *items;
    uint32_t len;
    uint32_t room;
    uint32_t misformatted;
    uint32_t unreadable;
    uint32_t mismatched;
    uint32_t matched;
};

/* The first line of all lists decides, as in coreutils. */
static enum { FORM_UNKNOWN, FORM_OLD, FORM_NEW } form;

/* --- a line ------------------------------------------------------------ */

/* Parse two hex digits per byte. Returns: the text after them; NULL: no sum. */
static const char *parse_hex(const char *text, uint8_t *digest)
{
    for (int i = 0; i < SHA1_BYTES; i++, text += 2) {
        char pair[3] = {text[0], text[0] ? text[1] : '\0', '\0'};

        if (!isxdigit((unsigned char)pair[0]) ||
            !isxdigit((unsigned char)pair[1]))
            return NULL;
        digest[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return text;
}

/* In place. Returns: false if a backslash stands before something else. */
static bool unescape(char *name)
{
    char *to = name;

    for (const char *from = name; *from; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        if (*from == '\\')
            *to++ = '\\';
        else if (*from == 'n')
            *to++ = '\n';
        else if (*from == 'r')
            *to++ = '\r';
        else
            return false;
    }
    *to = '\0';
    return true;
}

/* "SHA1 (NAME) = SUM"; *name points into the line. */
static bool parse_tagged(char *line, char **name, uint8_t *digest)
{
    char *end = strrchr(line, ')');
    const char *rest;

    if (strncmp(line, "SHA1", 4) != 0 || !end)
        return false;
    line += 4;
    line += *line == ' ';
    rest = end + 1 + strspn(end + 1, " \t");
    if (*line != '(' || *rest != '=')
        return false;
    *end = '\0';
    *name = line + 1;
    rest = parse_hex(rest + 1 + strspn(rest + 1, " \t"), digest);
    return rest && *rest == '\0';
}

/*
 * "SUM  NAME" or "SUM *NAME". An older form has one blank: then a second
 * one, or a '*', belongs to the name.
 */
static bool parse_plain(char *line, char **name, uint8_t *digest)
{
    const char *rest = parse_hex(line, digest);
    bool one_blank;

    if (!rest || (*rest != ' ' && *rest != '\t') || !rest[1])
        return false;
    rest++;
    one_blank = !rest[1] || (*rest != ' ' && *rest != '*');
    if (form == FORM_UNKNOWN)
        form = one_blank ? FORM_OLD : FORM_NEW;
    if (form == FORM_NEW && one_blank)
        return false;
    rest += form == FORM_NEW;
    *name = line + (rest - line);
    return true;
}

static bool parse_line(char *line, char **name, uint8_t *digest)
{
    bool escaped;

    line += strspn(line, " \t");
    escaped = *line == '\\';
    line += escaped;
    if (!parse_tagged(line, name, digest) && !parse_plain(line, name, digest))
        return false;
    return !escaped || unescape(*name);
}

/* --- a list ------------------------------------------------------------ */

/* Returns: 0, -ENOMEM. */
static int add_item(struct list *list, const char *name, const uint8_t *digest)
{
    struct item *item;

    if (list->len == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        item = realloc(list->items, list->room * sizeof *item);
        if (!item)
            return -ENOMEM;
        list->items = item;
    }
    item = &list->items[list->len];
    *item = (struct item){.name = strdup(name)};
    if (!item->name)
        return -ENOMEM;
    memcpy(item->expected, digest, SHA1_BYTES);
    list->len++;
    return 0;
}

static int add_line(struct list *list, char *line, uint32_t number)
{
    uint8_t digest[SHA1_BYTES];
    char *name;

    line[strcspn(line, "\n")] = '\0';
    if (*line && line[strlen(line) - 1] == '\r')
        line[strlen(line) - 1] = '\0';
    if (!*line || *line == '#')
        return 0;
    if (parse_line(line, &name, digest))
        return add_item(list, name, digest);
    list->misformatted++;
    if (options.warn) {
        char what[80];

        snprintf(what, sizeof what,
                 "%u: improperly formatted SHA1 checksum line", number);
        complain(list->name, what);
    }
    return 0;
}

/* Returns: 0, negative errno. */
static int read_list(struct list *list, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    size_t room = 0;
    char *line = NULL;
    int error = 0;

    if (!file)
        return -errno;
    errno = 0;
    for (uint32_t n = 1; !error && getline(&line, &room, file) > 0; n++)
        error = add_line(list, line, n);
    /* getline() also ends at an error, or without memory. */
    if (!error && (ferror(file) || !feof(file)))
        error = errno ? -errno : -EIO;
    free(line);
    if (file != stdin)
        fclose(file);
    return error;
}

/* --- the verdict ------------------------------------------------------- */

static void print_verdict(const char *name, const char *verdict)
{
    const bool escaped = strchr(name, '\n'); /* for less than a sum's line */

    if (options.status)
        return;
    if (escaped)
        putchar('\\');
    print_name(name, escaped);
    printf(": %s\n", verdict);
}

static void judge(void *context, const struct item *item)
{
    struct list *list = context;

    if (item->error == -ENOENT && options.ignore_missing)
        return;
    if (item->error) {
        list->unreadable++;
        complain(item->name, strerror(-item->error));
        print_verdict(item->name, "FAILED open or read");
    } else if (memcmp(item->digest, item->expected, SHA1_BYTES) != 0) {
        list->mismatched++;
        print_verdict(item->name, "FAILED");
    } else {
        list->matched++;
        if (!options.quiet)
            print_verdict(item->name, "OK");
    }
}

/* "WARNING: 2 lines are ..."; nothing for 0. */
static void warn(uint32_t count, const char *one, const char *many)
{
    char what[128];

    if (!count)
        return;
    snprintf(what, sizeof what, "WARNING: %u %s", count,
             count == 1 ? one : many);
    complain(NULL, what);
}

static void warn_of(const struct list *list)
{
    warn(list->misformatted, "line is improperly formatted",
         "lines are improperly formatted");
    warn(list->unreadable, "listed file could not be read",
         "listed files could not be read");
    warn(list->mismatched, "computed checksum did NOT match",
         "computed checksums did NOT match");
    if (options.ignore_missing && !list->matched)
        complain(list->name, "no file was verified");
}

static bool is_all_right(const struct list *list)
{
    return !list->unreadable && !list->mismatched &&
           !(options.strict && list->misformatted) &&
           !(options.ignore_missing && !list->matched);
}

bool check_list(struct rv_runtime *runtime, const char *path)
{
    const bool from_stdin = strcmp(path, "-") == 0;
    struct list list = {.name = from_stdin ? "standard input" : path};
    int error = read_list(&list, path);
    bool right = false;

    if (error) {
        complain(list.name, error == -EIO || error == -EISDIR
                                ? "read error"
                                : strerror(-error));
    } else if (list.len == 0) {
        complain(list.name, "no properly formatted checksum lines found");
    } else {
        error = hash_all(runtime, list.items, list.len, judge, &list);
        if (error)
            complain(list.name, strerror(-error));
        if (!options.status)
            warn_of(&list);
        right = !error && is_all_right(&list);
    }
    for (uint32_t i = 0; i < list.len; i++)
        free((char *)list.items[i].name);
    free(list.items);
    return right;
}
