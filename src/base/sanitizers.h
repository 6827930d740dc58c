/* SPDX-License-Identifier: MIT */
/*
 * sanitizers.h - which sanitizer this is compiled for. Also for assembly.
 *
 * gcc defines __SANITIZE_*; clang has __has_feature().
 */
#ifndef RV_SANITIZERS_H
#define RV_SANITIZERS_H

#ifdef __has_feature
#define RV_HAS_FEATURE(feature) __has_feature(feature)
#else
#define RV_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || RV_HAS_FEATURE(address_sanitizer)
#define RV_ASAN 1
#else
#define RV_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || RV_HAS_FEATURE(thread_sanitizer)
#define RV_TSAN 1
#else
#define RV_TSAN 0
#endif

#endif /* RV_SANITIZERS_H */
