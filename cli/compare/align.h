/* SPDX-License-Identifier: MIT */
/* align.h - which lines of two logs tell of the same event. */
#ifndef RV_COMPARE_ALIGN_H
#define RV_COMPARE_ALIGN_H

#include "cli/compare/compare.h"

/* A row of two logs side by side: a line of each, or of one only. */
struct log_row {
    const struct log_line *left; /* NULL: this log has no such event here */
    const struct log_line *right;
};

struct log_rows {
    struct log_row *row; /* owned */
    size_t count;
    size_t first; /* the first row with a difference; count: there is none */
};

/*
 * Lines match by what happened, not by when, nor by their number. The rows are
 * those of a longest common subsequence: as few lines as possible stand alone.
 *
 * Returns: 0, -ENOMEM. Owns: the caller frees rows->row.
 */
int compare_align(struct log_rows *rows, const struct run *left,
                  const struct run *right);

#endif /* RV_COMPARE_ALIGN_H */
