/* SPDX-License-Identifier: MIT */
/*
 * new_file.h - a file that has its name only when it is whole.
 *
 *     fd = rv_new_file_open(dir_fd, "big.iso", temp);    a file of our own
 *     ... write, close ...
 *     rv_new_file_commit(dir_fd, temp, "big.iso");       or unlinkat(temp)
 *
 * Until then it is called "big.iso.0123456789abcdef.part", by a number that
 * nobody can know before, and that nobody else has: what stands in the
 * directory, a file, a link, a pipe, is not written through, and two that
 * write the same name at once do not meet. The last one to commit has it.
 */
#ifndef RV_HTTP_NEW_FILE_H
#define RV_HTTP_NEW_FILE_H

#include <stddef.h>

/* Bytes for the temporary name of `name`, with its NUL. */
size_t rv_new_file_room(const char *name);

/*
 * Make the file, for writing, and put its temporary name into `temp`, which
 * has rv_new_file_room() bytes.
 *
 * Returns: its descriptor, negative errno.
 */
int rv_new_file_open(int dir_fd, const char *name, char *temp);

/* Give it its name, in place of what had it. Returns: 0, negative errno. */
int rv_new_file_commit(int dir_fd, const char *temp, const char *name);

#endif /* RV_HTTP_NEW_FILE_H */
