/* SPDX-License-Identifier: MIT */
/*
 * output.c - names and messages as coreutils writes them.
 *
 * Threads: the executor's.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sha1sum.h"

/* --- on stdout: one line a file, whatever its name --------------------- */

static bool needs_escape(const char *name)
{
    return !options.zero && strpbrk(name, "\\\n\r");
}

static void print_escaped(char c)
{
    static const char from[] = "\\\n\r";
    static const char to[] = "\\nr";
    const char *found = c ? strchr(from, c) : NULL;

    if (found)
        putchar('\\');
    putchar(found ? to[found - from] : c);
}

void print_name(const char *name, bool escaped)
{
    if (!escaped)
        fputs(name, stdout);
    else
        for (; *name; name++)
            print_escaped(*name);
}

static void print_hex(const uint8_t *digest)
{
    for (int i = 0; i < SHA1_BYTES; i++)
        printf("%02x", digest[i]);
}

void print_sum(const struct item *item)
{
    const bool escaped = needs_escape(item->name);

    if (escaped)
        putchar('\\');
    if (options.tag) {
        fputs("SHA1 (", stdout);
        print_name(item->name, escaped);
        fputs(") = ", stdout);
        print_hex(item->digest);
    } else {
        print_hex(item->digest);
        fputs(options.binary ? " *" : "  ", stdout);
        print_name(item->name, escaped);
    }
    putchar(options.zero ? '\0' : '\n');
}

/* --- on stderr: as a shell would read it back -------------------------- */

static bool is_plain(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_./,@%+-]", *c))
            return false;
    return *name;
}

static bool fits_double_quotes(const char *name)
{
    for (const char *c = name; *c; c++)
        if (strchr("\"$\\`!", *c) || !isprint((unsigned char)*c))
            return false;
    return strchr(name, '\'');
}

/* One character inside single quotes. */
static void print_in_quotes(char c)
{
    static const char from[] = "\a\b\f\n\r\t\v";
    static const char to[] = "abfnrtv";
    const char *found = strchr(from, c);

    if (c == '\'')
        fputs("'\\''", stderr);
    else if (found)
        fprintf(stderr, "'$'\\%c''", to[found - from]);
    else if (iscntrl((unsigned char)c))
        fprintf(stderr, "'$'\\%03o''", (unsigned char)c);
    else
        putc(c, stderr);
}

static void print_quoted(const char *name)
{
    if (is_plain(name)) {
        fputs(name, stderr);
    } else if (fits_double_quotes(name)) {
        fprintf(stderr, "\"%s\"", name);
    } else {
        putc('\'', stderr);
        for (; *name; name++)
            print_in_quotes(*name);
        putc('\'', stderr);
    }
}

void complain(const char *name, const char *what)
{
    fflush(stdout);
    fputs("sha1sum: ", stderr);
    if (name) {
        print_quoted(name);
        fputs(": ", stderr);
    }
    fprintf(stderr, "%s\n", what);
}
