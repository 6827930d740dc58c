/* SPDX-License-Identifier: MIT */
/* demo_log.c - the events of a run as lines, and the pace at which they show.
 */
#include "cli/demo_log.h"

#include <errno.h>
#include <reveil/base.h>
#include <reveil/trace.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/event_text.h"
#include "cli/language.h"

enum { LOOK_MS = 20, LINE_BYTES = 192, CTRL_C = 3 };

static bool is_live(const struct demo_log *log)
{
    return !log->step && log->slowdown <= 0;
}

/* Lock held. A line for which there is no memory is left out. */
static void append(struct demo_log *log, int64_t at_ns, const char *text)
{
    if (log->count == log->room) {
        const size_t room = log->room ? log->room * 2 : 64;
        struct demo_line *more = realloc(log->line, room * sizeof *more);

        if (!more)
            return;
        log->line = more;
        log->room = room;
    }
    log->line[log->count].text = strdup(text);
    log->line[log->count].at_ns = at_ns;
    log->count += log->line[log->count].text != NULL;
}

/* The log tells each thing once, in the words of the lessons; the step page
 * shows every event. */
static bool is_of_log(uint32_t kind)
{
    switch (kind) {
    case RV_EV_SET_WAKER:
    case RV_EV_PERMIT:
    case RV_EV_UNPARK:
        return false;
    default:
        return true;
    }
}

/* Lock held. */
static void take_events(struct demo_log *log)
{
    struct rv_event event;
    char text[LINE_BYTES];

    while (rv_trace_read(&log->event, &event) == 1) {
        if (!is_of_log(event.kind))
            continue;
        event_text(&event, text, sizeof text);
        append(log, event.at_ns, text);
    }
}

/* Lock held. */
static void print_new(struct demo_log *log)
{
    take_events(log);
    for (; log->shown < log->count; log->shown++)
        puts(log->line[log->shown].text);
    fflush(stdout);
}

/* --- as it happens ----------------------------------------------------- */

/* The runtime must not be slowed down by a terminal: another thread prints. */
static void *print_live(void *arg)
{
    struct demo_log *log = arg;
    bool ending = false;

    rv_trace_mute_thread(true);
    while (!ending) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * RV_NS_PER_MS}, NULL);
        pthread_mutex_lock(&log->lock);
        print_new(log);
        ending = log->ending;
        pthread_mutex_unlock(&log->lock);
    }
    return NULL;
}

int demo_log_start(struct demo_log *log)
{
    int error = pthread_mutex_init(&log->lock, NULL);

    if (error)
        return -error;
    if (is_live(log) && isatty(STDOUT_FILENO))
        log->has_printer =
            pthread_create(&log->printer, NULL, print_live, log) == 0;
    return 0;
}

void demo_log_add(struct demo_log *log, const char *text)
{
    pthread_mutex_lock(&log->lock);
    take_events(log);
    append(log, rv_now_ns(), text);
    if (is_live(log) && !log->has_printer)
        print_new(log);
    pthread_mutex_unlock(&log->lock);
}

/* --- later, at a pace --------------------------------------------------- */

/* Keys come one by one, without echo, until end_keys(); ctrl-C is one of them,
 * so that it cannot leave the terminal without echo. */
static bool begin_keys(struct termios *before)
{
    struct termios now;

    if (tcgetattr(STDIN_FILENO, before) < 0)
        return false;
    now = *before;
    now.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &now) == 0;
}

static void end_keys(const struct termios *before)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, before);
}

/* Returns: the key; 'q' at the end of the input. */
static char read_key(void)
{
    char key;
    ssize_t n;

    do
        n = read(STDIN_FILENO, &key, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? key : 'q';
}

/* Wait as long as the run did between two lines, times the slowdown. */
static void wait_like(const struct demo_log *log, size_t i)
{
    const int64_t gap_ns = log->line[i].at_ns - log->line[i - 1].at_ns;
    const double wait_ns = (double)gap_ns * log->slowdown;
    struct timespec left = {
        .tv_sec = (time_t)(wait_ns / RV_NS_PER_S),
        .tv_nsec = (long)((int64_t)wait_ns % RV_NS_PER_S),
    };

    if (wait_ns <= 0)
        return;
    fflush(stdout);
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static bool ends(char key)
{
    return key == 'q' || key == CTRL_C;
}

static int show_steps(struct demo_log *log)
{
    struct termios before;
    char key = ' ';

    if (!begin_keys(&before))
        return cli_fail(CLI_USAGE, say("--step needs a terminal for the keys",
                                       "--step demande un terminal, pour les "
                                       "touches"));
    fflush(stdout); /* the legend, before the first key */
    fputs(say("space: next line, a: all the rest, q: end\n",
              "espace : ligne suivante, a : tout le reste, q : fin\n"),
          stderr);
    for (; log->shown < log->count && !ends(key); log->shown++) {
        if (key != 'a')
            key = read_key();
        if (!ends(key))
            puts(log->line[log->shown].text);
        fflush(stdout);
    }
    end_keys(&before);
    if (key == CTRL_C)
        raise(SIGINT);
    return CLI_OK;
}

int demo_log_show(struct demo_log *log)
{
    int status = CLI_OK;

    pthread_mutex_lock(&log->lock);
    log->ending = true;
    take_events(log);
    pthread_mutex_unlock(&log->lock);
    if (log->has_printer)
        pthread_join(log->printer, NULL);
    log->has_printer = false;
    if (log->step) {
        status = show_steps(log);
    } else {
        for (; log->shown < log->count; log->shown++) {
            if (log->shown > 0)
                wait_like(log, log->shown);
            puts(log->line[log->shown].text);
        }
    }
    fflush(stdout);
    return status;
}

void demo_log_end(struct demo_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->line[i].text);
    free(log->line);
    log->line = NULL;
    log->count = 0;
    pthread_mutex_destroy(&log->lock);
}
