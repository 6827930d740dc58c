/* SPDX-License-Identifier: MIT */
/*
 * wheel.h - a timing wheel with all timers of an executor.
 *
 * It has eight wheels of 64 slots. A slot of wheel 0 covers one tick (65.5 us);
 * a slot of wheel n covers as much time as all of wheel n-1. A timer waits in
 * the wheel of the highest digit (base 64) in which its tick differs from
 * `now`, and moves down when `now` reaches its slot. Adding and canceling a
 * timer touches one slot.
 *
 *     now    = 0 . 3 . 12        tick 0 . 3 . 40  -> wheel 0, slot 40
 *                                tick 0 . 5 .  2  -> wheel 1, slot  5
 *                                tick 1 . 0 .  0  -> wheel 2, slot  1
 *
 * Source: G. Varghese, T. Lauck: Hashed and hierarchical timing wheels (1987).
 */
#ifndef RV_WHEEL_H
#define RV_WHEEL_H

#include <reveil/executor.h>

enum {
    RV_WHEEL_TICK_BITS = 16, /* a tick is 2^16 ns */
    RV_WHEEL_DIGIT_BITS = 6,
    RV_WHEEL_SLOTS = 1 << RV_WHEEL_DIGIT_BITS,
    RV_WHEEL_LEVELS = 8, /* 16 + 8 * 6 = 64 bits: every possible time */
};

struct rv_wheel {
    uint64_t now; /* the tick up to which all timers have fired */
    uint64_t len; /* timers */
    uint64_t
        occupied[RV_WHEEL_LEVELS]; /* a bit for each slot that has timers */
    /* The tick of the slot's earliest timer, or less if that was canceled. */
    uint64_t earliest[RV_WHEEL_LEVELS][RV_WHEEL_SLOTS];
    struct rv_list slots[RV_WHEEL_LEVELS][RV_WHEEL_SLOTS];
};

void rv_wheel_init(struct rv_wheel *wheel, int64_t now_ns);

/* Add a timer that is on no list and whose deadline is after `now`. */
void rv_wheel_add(struct rv_wheel *wheel, struct rv_wheel_timer *timer);

/* Remove a timer that was added and has not fired. */
void rv_wheel_cancel(struct rv_wheel *wheel, struct rv_wheel_timer *timer);

/* Move all timers that are due at `now_ns` to the end of `fired`. */
void rv_wheel_advance(struct rv_wheel *wheel, int64_t now_ns,
                      struct rv_list *fired);

/* The next time at which rv_wheel_advance() may fire a timer; RV_NEVER if there
 * is none. */
int64_t rv_wheel_next_ns(const struct rv_wheel *wheel);

#endif /* RV_WHEEL_H */
