/* SPDX-License-Identifier: MIT */
/*
 * wheel.c - a hierarchical timing wheel; wheel.h has the drawing.
 *
 * Threads: the executor's.
 *
 * Two facts keep it short. First, a timer's slot is always after the slot of
 * `now` in the same wheel, because its digit there is greater. So the lowest
 * bit in `occupied` is the next slot, without wrapping around. Second, all
 * timers in wheel n are due before all timers in wheel n+1. So the next timer
 * is in the first wheel that is not empty.
 *
 * Deadlines are rounded up to a tick: no timer fires early.
 */
#include "executor/wheel.h"

static uint64_t tick_after(int64_t ns)
{
    uint64_t tick = (uint64_t)ns >> RV_WHEEL_TICK_BITS;

    return tick + (((uint64_t)ns & ((1u << RV_WHEEL_TICK_BITS) - 1)) != 0);
}

static uint32_t level_of(uint64_t now, uint64_t tick)
{
    uint32_t top_bit = 63 - (uint32_t)__builtin_clzll(now ^ tick);

    return top_bit / RV_WHEEL_DIGIT_BITS;
}

static uint32_t digit(uint64_t tick, uint32_t level)
{
    return (tick >> (level * RV_WHEEL_DIGIT_BITS)) & (RV_WHEEL_SLOTS - 1);
}

/* The first tick of a slot after `now`. */
static uint64_t slot_start(const struct rv_wheel *wheel, uint32_t level,
                           uint32_t slot)
{
    uint32_t shift = level * RV_WHEEL_DIGIT_BITS;
    uint64_t above = wheel->now >> shift >> RV_WHEEL_DIGIT_BITS;

    return ((above << RV_WHEEL_DIGIT_BITS) | slot) << shift;
}

void rv_wheel_init(struct rv_wheel *wheel, int64_t now_ns)
{
    *wheel = (struct rv_wheel){
        .now = (uint64_t)now_ns >> RV_WHEEL_TICK_BITS,
    };
    for (int level = 0; level < RV_WHEEL_LEVELS; level++)
        for (int slot = 0; slot < RV_WHEEL_SLOTS; slot++)
            rv_list_init(&wheel->slots[level][slot]);
}

void rv_wheel_add(struct rv_wheel *wheel, struct rv_wheel_timer *timer)
{
    uint64_t tick = tick_after(timer->deadline_ns);
    uint32_t level = level_of(wheel->now, tick);
    uint32_t slot = digit(tick, level);
    uint64_t *earliest = &wheel->earliest[level][slot];

    if (rv_list_empty(&wheel->slots[level][slot]) || tick < *earliest)
        *earliest = tick;
    rv_list_push(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level] |= UINT64_C(1) << slot;
    wheel->len++;
}

void rv_wheel_cancel(struct rv_wheel *wheel, struct rv_wheel_timer *timer)
{
    struct rv_list *head = timer->node.next;

    /* If it is the only timer of its slot, both its neighbors are the head of
     * the slot's list, whose address gives the slot. */
    if (head == timer->node.prev) {
        size_t slot = (size_t)(head - &wheel->slots[0][0]);

        wheel->occupied[slot / RV_WHEEL_SLOTS] &=
            ~(UINT64_C(1) << slot % RV_WHEEL_SLOTS);
    }
    rv_list_remove(&timer->node);
    wheel->len--;
}

/* The first wheel that is not empty; RV_WHEEL_LEVELS: all are empty. */
static uint32_t first_level(const struct rv_wheel *wheel)
{
    uint32_t level = 0;

    while (level < RV_WHEEL_LEVELS && !wheel->occupied[level])
        level++;
    return level;
}

/* Empty a slot that `now` has reached: its timers fire, or move to lower
 * wheels. */
static void open_slot(struct rv_wheel *wheel, uint32_t level, uint32_t slot,
                      struct rv_list *fired)
{
    struct rv_list waiting;
    struct rv_list *node;

    /* Move all timers to a list first: rv_wheel_add() must see the slot empty.
     */
    rv_list_init(&waiting);
    rv_list_splice(&waiting, &wheel->slots[level][slot]);
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);

    while ((node = rv_list_pop(&waiting))) {
        struct rv_wheel_timer *timer =
            RV_CONTAINER_OF(node, struct rv_wheel_timer, node);

        wheel->len--;
        if (tick_after(timer->deadline_ns) <= wheel->now)
            rv_list_push(fired, node);
        else
            rv_wheel_add(wheel, timer);
    }
}

void rv_wheel_advance(struct rv_wheel *wheel, int64_t now_ns,
                      struct rv_list *fired)
{
    uint64_t end = (uint64_t)now_ns >> RV_WHEEL_TICK_BITS;
    uint32_t level;

    while ((level = first_level(wheel)) < RV_WHEEL_LEVELS) {
        uint32_t slot = (uint32_t)__builtin_ctzll(wheel->occupied[level]);
        uint64_t start = slot_start(wheel, level, slot);

        if (start > end)
            break;
        wheel->now = start;
        open_slot(wheel, level, slot, fired);
    }
    if (end > wheel->now) /* a clock that goes back changes nothing */
        wheel->now = end;
}

int64_t rv_wheel_next_ns(const struct rv_wheel *wheel)
{
    uint32_t level = first_level(wheel);
    uint32_t slot;

    if (level == RV_WHEEL_LEVELS)
        return RV_NEVER;
    slot = (uint32_t)__builtin_ctzll(wheel->occupied[level]);
    if (wheel->earliest[level][slot] > (uint64_t)(RV_NEVER - 1) >>
        RV_WHEEL_TICK_BITS)
        return RV_NEVER - 1;
    return (int64_t)(wheel->earliest[level][slot] << RV_WHEEL_TICK_BITS);
}
