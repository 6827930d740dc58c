/* SPDX-License-Identifier: MIT */
/*
 * new_file.h - a file that gets its final name only when it is complete.
 *
 *     fd = rv_new_file_open(dir_fd, "big.iso", temp);    a new file
 *     ... write, close ...
 *     rv_new_file_commit(dir_fd, temp, "big.iso");       or unlinkat(temp)
 *
 * The temporary name is "big.iso.0123456789abcdef.part", with a random number,
 * and the file is created with O_EXCL. So an existing file, link or pipe is
 * never written through, and two writers of the same name do not interfere: the
 * last commit wins.
 */
#ifndef RV_HTTP_NEW_FILE_H
#define RV_HTTP_NEW_FILE_H

#include <stddef.h>

/* The size of the temporary name of `name`, including the terminating NUL. */
size_t rv_new_file_room(const char *name);

/*
 * Create the file for writing, and store its temporary name in `temp`, which
 * has rv_new_file_room() bytes.
 *
 * Returns: the descriptor, negative errno.
 */
int rv_new_file_open(int dir_fd, const char *name, char *temp);

/* Rename the file to its final name, replacing what has that name. Returns: 0,
 * negative errno. */
int rv_new_file_commit(int dir_fd, const char *temp, const char *name);

#endif /* RV_HTTP_NEW_FILE_H */
