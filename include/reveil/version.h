/* SPDX-License-Identifier: MIT */
/*
 * version.h - the version of these headers, and of the library that runs.
 *
 * Before version 1.0 neither the API nor the ABI is stable: programs embed
 * futures and other structs of these headers, so any release may change the
 * size of one. Compile a program again for each 0.MINOR release, and against
 * the headers of the library that it runs with. Releases that differ only in
 * PATCH change no declaration and no struct. The name of the shared library,
 * libreveil.so.0.MINOR, says so to the dynamic linker: a program never starts
 * with a library of another 0.MINOR.
 *
 * Fields that are marked private, and functions and variables whose comment
 * begins with "Private", are not part of the API.
 */
#ifndef RV_VERSION_H
#define RV_VERSION_H

#include <reveil/export.h>

RV_BEGIN_DECLS

/* The version of the headers. The test `symbols` compares it with the project
 * version in meson.build. */
#define RV_VERSION_MAJOR 0
#define RV_VERSION_MINOR 1
#define RV_VERSION_PATCH 0
#define RV_VERSION       "0.1.0"

/* For #if: whether the headers are of this version or a later one. */
#define RV_VERSION_AT_LEAST(major_, minor_, patch_) \
    (RV_VERSION_MAJOR > (major_) ||                 \
     (RV_VERSION_MAJOR == (major_) &&               \
      (RV_VERSION_MINOR > (minor_) ||               \
       (RV_VERSION_MINOR == (minor_) && RV_VERSION_PATCH >= (patch_)))))

/*
 * The version of the library that the program runs with, as RV_VERSION. The
 * string is constant. If it is not equal to RV_VERSION, the program was
 * compiled against other headers.
 *
 * Threads: any.
 */
const char *rv_version(void);

RV_END_DECLS

#endif /* RV_VERSION_H */
