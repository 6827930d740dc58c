/* SPDX-License-Identifier: MIT */
/*
 * deque.h - a queue with one owner and any number of thieves.
 *
 *     owner                              thieves
 *     push ──▶ bottom ... items ... top ──▶ steal
 *     pop  ◀── bottom
 *
 * The owner works at one end without waiting for anybody; who has nothing to
 * do takes from the other end. It grows, and never shrinks.
 *
 * Source: Chase and Lev, "Dynamic circular work-stealing deque", SPAA 2005;
 * in C11: Lê, Pop, Cohen and Zappa Nardelli, "Correct and efficient
 * work-stealing for weak memory models", PPoPP 2013, see deque.c for where
 * this differs.
 */
#ifndef RV_DEQUE_H
#define RV_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What keeps two fields on cache lines of their own. */
enum { RV_CACHE_LINE_BYTES = 64 };

struct rv_deque_array;

/* Do not copy or move it once it is shared. */
struct rv_deque {
    _Atomic int64_t top; /* any thread */
    char apart[RV_CACHE_LINE_BYTES];
    _Atomic int64_t bottom; /* written by the owner, as is `array` */
    _Atomic(struct rv_deque_array *) array;
    char end[RV_CACHE_LINE_BYTES];
};

/* An empty deque with room for `capacity` items, a power of two, before it
 * grows. Returns: 0, -ENOMEM. */
int rv_deque_init(struct rv_deque *deque, int64_t capacity);

/* Free its memory; what is left in it is the caller's. Harmless after an
 * init that failed. Threads: the owner, when there are no thieves any more. */
void rv_deque_fini(struct rv_deque *deque);

/*
 * Put an item, not NULL, at the bottom. What was written before is visible to
 * whoever takes the item.
 *
 * Threads: the owner. Returns: 0, -ENOMEM (had to grow).
 */
int rv_deque_push(struct rv_deque *deque, void *item);

/* Take the item that was pushed last, or NULL. Threads: the owner. */
void *rv_deque_pop(struct rv_deque *deque);

enum rv_steal {
    RV_STEAL_EMPTY,
    RV_STEAL_LOST, /* another one took it at the same time: try again */
    RV_STEAL_TAKEN
};

/* Take the item that was pushed first. Threads: any. */
enum rv_steal rv_deque_steal(struct rv_deque *deque, void **item);

/* How many items there are; may be out of date when it is read, except that
 * the owner sees all of its own. Threads: any. */
int64_t rv_deque_len(const struct rv_deque *deque);

#endif /* RV_DEQUE_H */
