/* SPDX-License-Identifier: MIT */
/*
 * export.h - which names the shared library exports.
 *
 * The library is compiled with -fvisibility=hidden. It exports only what a
 * public header declares between RV_BEGIN_DECLS and RV_END_DECLS. In C++ these
 * declarations have C linkage. Some types have the name of a function, as in
 * stat(2): there C++ code says `struct rv_dial`, `enum rv_poll`.
 */
#ifndef RV_EXPORT_H
#define RV_EXPORT_H

/* Around the declarations of a public header, after its includes. */
#ifdef __cplusplus
/* A struct and a function may have the same name here, as stat(2) has. The
 * inline functions are C. */
#define RV_BEGIN_DECLS                                                        \
    _Pragma("GCC diagnostic push")                                            \
        _Pragma("GCC diagnostic ignored \"-Wshadow\"")                        \
            _Pragma("GCC diagnostic ignored \"-Wold-style-cast\"") extern "C" \
    {                                                                         \
        _Pragma("GCC visibility push(default)")
#define RV_END_DECLS              \
    _Pragma("GCC visibility pop") \
    }                             \
    _Pragma("GCC diagnostic pop")
#else
#define RV_BEGIN_DECLS _Pragma("GCC visibility push(default)")
#define RV_END_DECLS   _Pragma("GCC visibility pop")
#endif

#endif /* RV_EXPORT_H */
