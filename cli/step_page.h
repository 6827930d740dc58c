/* SPDX-License-Identifier: MIT */
/* step_page.h - the step page: one HTML file that shows a recorded run. */
#ifndef RV_CLI_STEP_PAGE_H
#define RV_CLI_STEP_PAGE_H

#include "cli/trace_json.h"

/*
 * Write the page of one run, or of two side by side (right may be NULL), to a
 * file. Returns: CLI_OK; CLI_FAILED after a message.
 */
int step_page_write(const char *path, const struct trace_recording *left,
                    const struct trace_recording *right);

/* Write the run as JSON. Returns: CLI_OK; CLI_FAILED after a message. */
int step_page_write_json(const char *path,
                         const struct trace_recording *recording);

#endif /* RV_CLI_STEP_PAGE_H */
