/* SPDX-License-Identifier: MIT */
/* symbols.h - find a function of this program by its name. */
#ifndef RV_TIMELINE_SYMBOLS_H
#define RV_TIMELINE_SYMBOLS_H

/*
 * Find a function, also one that is linked in statically and not exported: by
 * the symbol table of the executable. Returns: NULL if it is not there, or if
 * the program was stripped.
 */
void *symbols_find(const char *name);

#endif /* RV_TIMELINE_SYMBOLS_H */
