/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what runs on an executor's thread without being a task.
 *
 * An io_uring is one: it submits what its futures have prepared, and reaps.
 *
 * Threads: the executor's.
 */
#ifndef RV_DRIVER_H
#define RV_DRIVER_H

#include <reveil/executor.h>

struct rv_driver {
    struct rv_list node;
    /*
     * Called before the executor sleeps (`idle`), and every so often while it
     * is busy. It may add and remove drivers, itself included. Returns: true if
     * a task may have become ready.
     */
    bool (*run)(struct rv_driver *driver, bool idle);
};

/* From now on the executor calls `driver`, until it is removed. The driver may
 * outlive the executor. */
void rv_executor_add_driver(struct rv_executor *executor,
                            struct rv_driver *driver);
void rv_executor_remove_driver(struct rv_driver *driver);

#endif /* RV_DRIVER_H */
