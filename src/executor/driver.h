/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what runs on an executor's thread without being a task.
 *
 * An io_uring has one, which submits the operations that futures have prepared,
 * and takes completions.
 *
 * Threads: the executor's.
 */
#ifndef RV_DRIVER_H
#define RV_DRIVER_H

#include <reveil/executor.h>

struct rv_driver {
    struct rv_list node;
    /*
     * Called before the executor sleeps (`idle`), and regularly while it is
     * busy. It may add drivers, and remove drivers including itself. Returns:
     * true if a task may have become ready.
     */
    bool (*run)(struct rv_driver *driver, bool idle);
};

/* Call `driver` from now on, until it is removed. A driver may outlive the
 * executor. */
void rv_executor_add_driver(struct rv_executor *executor,
                            struct rv_driver *driver);
void rv_executor_remove_driver(struct rv_driver *driver);

#endif /* RV_DRIVER_H */
