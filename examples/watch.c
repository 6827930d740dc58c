/* SPDX-License-Identifier: MIT */
/*
 * watch.c - say what changes in a folder: watch FOLDER
 *
 * inotify(7) is a descriptor that the library knows nothing about: fd.h waits
 * until it is readable. Ctrl-C ends the program.
 */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "program.h"

static const struct {
    uint32_t mask;
    const char *text;
} changes[] = {
    {IN_CREATE, "created"},      {IN_CLOSE_WRITE, "written"},
    {IN_DELETE, "removed"},      {IN_MOVED_FROM, "moved away"},
    {IN_MOVED_TO, "moved here"}, {IN_Q_OVERFLOW, "some changes were missed"},
};

static void print(const struct inotify_event *event)
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (event->mask & changes[i].mask)
            printf("%s %s\n", changes[i].text, event->len ? event->name : "");
}

/* Print all events that there are. Returns: 0: wait for more; -ENOENT: the
 * folder was removed or renamed; negative errno. */
static int print_events(int fd)
{
    _Alignas(struct inotify_event) char buffer[4096];
    const struct inotify_event *event;
    ssize_t len;

    while ((len = read(fd, buffer, sizeof buffer)) > 0)
        for (ssize_t at = 0; at < len;
             at += (ssize_t)(sizeof *event + event->len)) {
            event = (const struct inotify_event *)(buffer + at);
            print(event);
            if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
                return -ENOENT;
        }
    if (errno != EAGAIN)
        return -errno;
    return fflush(stdout) == 0 ? 0 : -errno;
}

static int32_t watch(void *folder)
{
    const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct rv_fd_watch ready = {0};
    int error = fd < 0 ? -errno : 0;

    if (!error &&
        inotify_add_watch(fd, folder,
                          IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVE |
                              IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
        error = -errno;
    if (!error)
        error = rv_fd_watch_open(&ready, fd);
    while (!error && !(error = rv_fd_readable(&ready, RV_NEVER)))
        error = print_events(fd);
    rv_fd_watch_close(&ready);
    if (fd >= 0)
        close(fd);
    return error;
}

int main(int argc, char **argv)
{
    program_start(1);
    program_usage(argc, argv, 1, 1, "watch FOLDER");
    return rv_exit_status("watch", rv_run(watch, argv[1]));
}
