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
 * Add the URLs in a file, one per line; "-" is stdin. Skips empty lines and
 * those that begin with '#'. Returns: 0, negative errno.
 */
int urls_add_file(struct urls *urls, const char *path);

void urls_free(struct urls *urls);

/*
 * Write a file name for the URL: "0001-host-last", where "last" is the last
 * part of the path. It has only letters, digits, '.', '_' and '-'.
 */
void urls_file_name(char *name, size_t size, size_t number, const char *url);

#endif /* RV_CLI_URLS_H */
