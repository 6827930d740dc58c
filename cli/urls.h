/* SPDX-License-Identifier: MIT */
/* urls.h - the URLs that `reveil get` fetches, and file names for them. */
#ifndef RV_CLI_URLS_H
#define RV_CLI_URLS_H

#include <stddef.h>

struct urls {
    char **list; /* owned copies */
    size_t count;
};

/* Add a copy. Returns: 0, -ENOMEM. */
int urls_add(struct urls *urls, const char *url);

/*
 * Add those in a file, one a line; "-" is stdin. Lines that are empty or
 * begin with '#' are passed over. Returns: 0, negative errno.
 */
int urls_add_file(struct urls *urls, const char *path);

void urls_free(struct urls *urls);

/*
 * A file name: "0001-host-last", from the last part of the path. Only
 * letters, digits, '.', '_' and '-', whatever the URL is made of.
 */
void urls_file_name(char *name, size_t size, size_t number, const char *url);

#endif /* RV_CLI_URLS_H */
