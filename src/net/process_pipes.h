/* SPDX-License-Identifier: MIT */
/* process_pipes.h - the pipes between a program and a child that it starts. */
#ifndef RV_PROCESS_PIPES_H
#define RV_PROCESS_PIPES_H

#include <reveil/net.h>
#include <reveil/process.h>

enum { RV_STANDARD_FDS = 3 }; /* 0, 1 and 2 */

struct rv_pipes {
    int childs[RV_STANDARD_FDS];             /* the ends for the child; or -1 */
    struct rv_stream *ours[RV_STANDARD_FDS]; /* or NULL */
};

/*
 * Make the pipes that the options ask for.
 *
 * *files: options->files, with the child's ends in it.
 * Returns: 0; -ENODEV: no reactor; an error of pipe2(), or of the reactor. Then
 * nothing is open.
 */
int rv_pipes_open(struct rv_pipes *pipes,
                  const struct rv_process_options *options,
                  struct rv_process_files *files);

/* Close the ends of the child; `failed`: close the streams too. */
void rv_pipes_close(const struct rv_pipes *pipes, bool failed);

#endif /* RV_PROCESS_PIPES_H */
