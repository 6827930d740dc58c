/* SPDX-License-Identifier: MIT */
/*
 * version.c - see version.h.
 *
 * Threads: any.
 */
#include <reveil/version.h>

const char *rv_version(void)
{
    return RV_VERSION;
}
