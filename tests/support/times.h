/* SPDX-License-Identifier: MIT */
/*
 * times.h - values to test every deadline and every span with.
 *
 *     for (int i = 0; i < RV_TEST_TIMES; i++)
 *         check(wait_until(rv_test_time(i)) == -ETIMEDOUT);
 *
 * All but the last have passed; the last is RV_NEVER. As spans the first two
 * are negative, and the sum of the last one and the current time does not fit
 * in an int64_t.
 */
#ifndef RV_TEST_TIMES_H
#define RV_TEST_TIMES_H

#include <reveil/base.h>

enum { RV_TEST_TIMES = 5, RV_TEST_PAST_TIMES = 4 };

static inline int64_t rv_test_time(int i)
{
    const int64_t times[RV_TEST_TIMES] = {INT64_MIN, -1, 0, rv_now_ns() - 1,
                                          RV_NEVER};

    return times[i];
}

#endif /* RV_TEST_TIMES_H */
