/* SPDX-License-Identifier: MIT */
/* trace_json.c - the library's events as steps of the step page. */
#include "cli/trace_json.h"

#include <errno.h>
#include <inttypes.h>
#include <reveil/base.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace_numbers.h"
#include "trace/thread_name.h"

/* --- recording --------------------------------------------------------- */

int trace_recording_add(struct trace_recording *recording,
                        const struct rv_event *event)
{
    if (recording->count == recording->room) {
        const size_t room = recording->room ? recording->room * 2 : 1024;
        struct rv_event *more =
            realloc(recording->event, room * sizeof *recording->event);

        if (!more)
            return -ENOMEM;
        recording->event = more;
        recording->room = room;
    }
    recording->event[recording->count++] = *event;
    return 0;
}

int trace_recording_take(struct trace_recording *recording)
{
    struct rv_event event;
    uint64_t number = 0;
    int error = 0;

    while (!error && rv_trace_read(&number, &event) == 1)
        error = trace_recording_add(recording, &event);
    if (!error && number > recording->count)
        recording->lost = number - recording->count;
    for (uint32_t i = 0; i < TRACE_THREADS; i++)
        rv_trace_thread_name(i + 1, recording->thread[i]);
    return error;
}

void trace_recording_free(struct trace_recording *recording)
{
    free(recording->event);
    *recording = (struct trace_recording){0};
}

/* --- JSON -------------------------------------------------------------- */

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ' || c == '<')
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void put_pair(FILE *out, const char *english, const char *french)
{
    fputs("{\"en\":", out);
    put_string(out, english);
    fputs(",\"fr\":", out);
    put_string(out, french);
    fputc('}', out);
}

/* --- threads ----------------------------------------------------------- */

/* What a thread did in the run, by which its role is told. */
struct seen {
    bool any;
    bool runs_jobs;
    bool schedules;
    bool polls;
    bool waits;
};

static const char *role_of(const struct seen *seen, const char *name)
{
    static const struct {
        const char *word;
        const char *role;
    } known[] = {
        {"worker", "worker"}, {"reactor", "reactor"},   {"ring", "ring"},
        {"pool", "pool"},     {"blocking", "pool"},     {"cpu", "pool"},
        {"bell", "bell"},     {"executor", "executor"}, {"sched-", "worker"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strstr(name, known[i].word))
            return known[i].role;
    if (seen->runs_jobs)
        return "pool";
    if (seen->schedules)
        return "worker";
    if (seen->polls)
        return "executor";
    return seen->waits ? "reactor" : "other";
}

static void put_threads(const struct trace_recording *recording, FILE *out)
{
    static struct seen seen[TRACE_THREADS];
    const char *separator = "";

    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < recording->count; i++) {
        const struct rv_event *event = &recording->event[i];

        if (event->thread < 1 || event->thread > TRACE_THREADS)
            continue;
        seen[event->thread - 1].any = true;
        seen[event->thread - 1].runs_jobs |= event->kind == RV_EV_JOB_START;
        seen[event->thread - 1].schedules |=
            event->kind == RV_EV_STEAL ||
            (event->kind == RV_EV_SWITCH && event->value & 1);
        seen[event->thread - 1].polls |= event->kind == RV_EV_POLL;
        seen[event->thread - 1].waits |= event->kind == RV_EV_EPOLL_WAIT;
    }
    fputs("\"threads\":[", out);
    for (uint32_t i = 0; i < TRACE_THREADS; i++) {
        char name[TRACE_NAME_BYTES];

        if (!seen[i].any)
            continue;
        if (recording->thread[i][0])
            memcpy(name, recording->thread[i], sizeof name);
        else
            snprintf(name, sizeof name, "thread %" PRIu32, i + 1);
        fprintf(out, "%s{\"id\":%" PRIu32 ",\"name\":", separator, i + 1);
        put_string(out, name);
        fprintf(out, ",\"role\":\"%s\"}", role_of(&seen[i], name));
        separator = ",";
    }
    fputs("]", out);
}

/* --- what happens later ------------------------------------------------ */

/* Whether the owner of a task is a scheduler or a worker, see trace.h. */
static bool is_scheduled(int64_t owner)
{
    return owner & 1;
}

static bool is_of_parker(uint32_t kind)
{
    return kind == RV_EV_PARK || kind == RV_EV_PERMIT || kind == RV_EV_AWAKE;
}

/*
 * Note what this event tells about its thread: its parker, its worker or its
 * executor, and which task it polls next (`numbers` is filled from the last
 * event to the first). Then fill in the thread that the event is about.
 */
static uint32_t target_of(struct trace_numbers *numbers,
                          const struct rv_event *event)
{
    const uint64_t owner = (uint64_t)event->value;
    int64_t target = -1;

    if (is_of_parker(event->kind)) {
        trace_number_set(numbers, TRACE_THREAD, event->id, 0, event->thread);
    } else if (event->kind == RV_EV_POLL) {
        trace_number_set(numbers, TRACE_THREAD, owner, 0, event->thread);
        trace_number_set(numbers, TRACE_TASK, owner, event->id, event->thread);
    } else if (event->kind == RV_EV_SWITCH && is_scheduled(event->value)) {
        trace_number_set(numbers, TRACE_THREAD, owner, 0, event->thread);
        trace_number_set(numbers, TRACE_TASK, 1, event->id, event->thread);
    } else if (event->kind == RV_EV_UNPARK) {
        target = trace_number_find(numbers, TRACE_THREAD, event->id, 0);
    } else if (event->kind == RV_EV_WAKE || event->kind == RV_EV_STEAL) {
        target = trace_number_find(numbers, TRACE_TASK, owner, event->id);
        if (target < 0)
            target = trace_number_find(numbers, TRACE_THREAD, owner, 0);
    }
    return target > 0 ? (uint32_t)target : 0;
}

/* The worker that runs this task next: a task that is started from outside of
 * the scheduler waits in no worker's queue. */
static uint32_t runner_of(const struct trace_numbers *numbers,
                          const struct rv_event *event)
{
    const int64_t thread = trace_number_find(numbers, TRACE_TASK, 1, event->id);

    return thread > 0 ? (uint32_t)thread : 0;
}

/*
 * For each event the thread that it is about: the one that is unparked, that
 * polls the woken task, or from which a task is stolen; 0 if it is unknown. An
 * address may have several users one after the other, so the next one counts,
 * and the last one before only if there is no next one.
 *
 * Returns: an array to be freed; NULL without memory.
 */
static uint32_t *find_targets(const struct trace_recording *recording)
{
    uint32_t *target = calloc(recording->count + 1, sizeof *target);
    struct trace_numbers numbers = {.slot = NULL};

    for (size_t i = recording->count; target && i > 0; i--)
        target[i - 1] = target_of(&numbers, &recording->event[i - 1]);
    trace_numbers_free(&numbers);
    for (size_t i = 0; target && i < recording->count; i++) {
        const uint32_t before = target_of(&numbers, &recording->event[i]);

        target[i] = target[i] ? target[i] : before;
    }
    trace_numbers_free(&numbers);
    for (size_t i = recording->count; target && i > 0; i--) {
        const struct rv_event *event = &recording->event[i - 1];

        target_of(&numbers, event);
        if (event->kind == RV_EV_WAKE && target[i - 1] == 0)
            target[i - 1] = runner_of(&numbers, event);
    }
    trace_numbers_free(&numbers);
    return target;
}

/* Whether ids of tasks may be equal: they get numbers of their own then. With
 * one executor a task has the same number as in its log. */
static bool has_several_owners(const struct trace_recording *recording)
{
    int64_t owner = 0;

    for (size_t i = 0; i < recording->count; i++) {
        const struct rv_event *event = &recording->event[i];

        if (event->kind != RV_EV_POLL && event->kind != RV_EV_SWITCH)
            continue;
        if (event->id == 0 || event->value == owner)
            continue;
        if (owner != 0 || is_scheduled(event->value))
            return true;
        owner = event->value;
    }
    return false;
}

/* --- events ------------------------------------------------------------ */

/* The words of the log that is being written; one for each note. */
struct notes {
    const char **text; /* owned; what it points to is not */
    size_t count;
};

/* What a thread does at an event. */
struct doing {
    uint64_t id;      /* of the task that it polls or runs */
    int64_t task;     /* its number; -1: none */
    bool scheduled;   /* it is a scheduler's */
    bool awaited;     /* it polls the future of that task */
    int64_t awaiting; /* the next task it spawns is the future of this one */
    uint64_t spawned; /* the new task, which was not pushed yet */
};

struct writer {
    const struct trace_recording *recording;
    FILE *out;
    const char *separator;
    struct notes notes;
    struct trace_numbers numbers;
    const uint32_t *target;                /* see find_targets() */
    bool several;                          /* owners of tasks */
    struct doing doing[TRACE_THREADS + 1]; /* by thread; 0: all others */
};

/* A step: `times` elements, jobs, ... at once. */
static void put_steps(struct writer *self, const struct rv_event *event,
                      const char *kind, int64_t task, int64_t source,
                      int64_t value, int64_t times)
{
    const int64_t start_ns = self->recording->event[0].at_ns;

    fprintf(self->out,
            "%s\n[%" PRId64 ",%" PRIu32 ",\"%s\",%" PRId64 ",%" PRId64
            ",%" PRId64,
            self->separator, event->at_ns - start_ns, event->thread, kind, task,
            source, value);
    if (times > 1)
        fprintf(self->out, ",0,%" PRId64, times);
    fputc(']', self->out);
    self->separator = ",";
}

static void put_event(struct writer *self, const struct rv_event *event,
                      const char *kind, int64_t task, int64_t source,
                      int64_t value)
{
    put_steps(self, event, kind, task, source, value, 1);
}

static const char *note_of(const struct trace_recording *recording, uint64_t id)
{
    if (recording->note)
        return recording->note(recording, id);
    return id ? (const char *)(uintptr_t)id : "";
}

/* Returns: its number in "logs". */
static int64_t add_note(struct writer *self, const char *text)
{
    self->notes.text[self->notes.count] = text;
    return (int64_t)self->notes.count++;
}

static struct doing *doing_of(struct writer *self, const struct rv_event *event)
{
    return &self->doing[event->thread <= TRACE_THREADS ? event->thread : 0];
}

/* --- tasks ------------------------------------------------------------- */

/* The number of a task whose owner is in the event. */
static int64_t number_of(struct writer *self, uint64_t id, int64_t owner)
{
    if (is_scheduled(owner))
        return trace_number(&self->numbers, TRACE_TASK, 1, id);
    if (!self->several)
        return rv_id_index(id);
    return trace_number(&self->numbers, TRACE_TASK, (uint64_t)owner,
                        rv_id_index(id));
}

/* The task that awaits the future which has this task; -1: it is no such task.
 */
static int64_t awaiter_of(struct writer *self, const struct rv_event *event)
{
    return trace_number_find(&self->numbers, TRACE_AWAITED,
                             (uint64_t)event->value, event->id);
}

static void put_spawn(struct writer *self, const struct rv_event *event)
{
    struct doing *doing = doing_of(self, event);

    doing->spawned = event->id;
    if (doing->awaiting >= 0) {
        trace_number_set(&self->numbers, TRACE_AWAITED, (uint64_t)event->value,
                         event->id, doing->awaiting);
        doing->awaiting = -1;
        return;
    }
    if (is_scheduled(event->value)) /* its address may have been another's */
        trace_number_new(&self->numbers, TRACE_TASK, 1, event->id);
    put_event(self, event, "spawn", number_of(self, event->id, event->value),
              -1, 0);
}

/* An executor's waker pushes its task. What is new or a scheduler's is pushed
 * without a waker. */
static void put_wake(struct writer *self, const struct rv_event *event,
                     uint32_t target)
{
    struct doing *doing = doing_of(self, event);
    const int64_t awaiter = awaiter_of(self, event);
    const int64_t task =
        awaiter >= 0 ? awaiter : number_of(self, event->id, event->value);
    const bool is_new = doing->spawned == event->id;

    if (!is_new && !is_scheduled(event->value))
        put_event(self, event, "wake", task, -1, 0);
    doing->spawned = 0;
    put_event(self, event, "push", task, -1, target);
}

static void put_poll(struct writer *self, const struct rv_event *event)
{
    struct doing *doing = doing_of(self, event);
    const int64_t awaiter = awaiter_of(self, event);

    doing->id = event->id;
    doing->scheduled = false;
    doing->awaited = awaiter >= 0;
    doing->task =
        doing->awaited ? awaiter : number_of(self, event->id, event->value);
    put_event(self, event, "pop", doing->task, -1, 0);
    put_event(self, event, doing->awaited ? "await-poll" : "poll", doing->task,
              -1, 0);
}

static void put_pending(struct writer *self, const struct rv_event *event)
{
    struct doing *doing = doing_of(self, event);

    if (doing->id == event->id && doing->awaited)
        put_event(self, event, "await-pending", doing->task, -1, 0);
    else
        put_event(self, event, "pending",
                  number_of(self, event->id, event->value), -1, 0);
    doing->task = -1;
}

static void put_ready(struct writer *self, const struct rv_event *event)
{
    struct doing *doing = doing_of(self, event);

    if (doing->id != event->id || doing->task < 0)
        return; /* its poll is not in the recording */
    put_event(self, event, doing->awaited ? "await-ready" : "ready",
              doing->task, -1, 0);
    if (doing->scheduled) /* the address may be that of another task soon */
        trace_number_set(&self->numbers, TRACE_TASK, 1, event->id, -1);
    doing->task = -1;
}

static void put_switch(struct writer *self, const struct rv_event *event)
{
    struct doing *doing = doing_of(self, event);

    if (event->id == 0) {
        put_event(self, event, "switch", -1, -1, 0);
        if (doing->scheduled)
            doing->task = -1;
        return;
    }
    doing->id = event->id;
    doing->scheduled = is_scheduled(event->value);
    doing->awaited = false;
    doing->task = number_of(self, event->id, event->value);
    if (doing->scheduled) /* an executor has popped its task to poll it */
        put_event(self, event, "pop", doing->task, -1, 0);
    put_event(self, event, "switch", doing->task, -1, 0);
}

static void put_await(struct writer *self, const struct rv_event *event)
{
    struct doing *doing = doing_of(self, event);

    doing->awaiting = number_of(self, event->id, event->value);
    put_event(self, event, "await", doing->awaiting, -1, 0);
}

/* Returns: false for other kinds. */
static bool put_task_step(struct writer *self, const struct rv_event *event,
                          uint32_t target)
{
    switch (event->kind) {
    case RV_EV_SPAWN:
        put_spawn(self, event);
        return true;
    case RV_EV_WAKE:
        put_wake(self, event, target);
        return true;
    case RV_EV_POLL:
        put_poll(self, event);
        return true;
    case RV_EV_PENDING:
        put_pending(self, event);
        return true;
    case RV_EV_READY:
        put_ready(self, event);
        return true;
    case RV_EV_SWITCH:
        put_switch(self, event);
        return true;
    case RV_EV_AWAIT:
        put_await(self, event);
        return true;
    case RV_EV_STEAL:
        put_event(self, event, "steal",
                  number_of(self, event->id, event->value), -1, target);
        return true;
    case RV_EV_WAKE_AGAIN:
    case RV_EV_DROP:
        if (awaiter_of(self, event) < 0)
            put_event(self, event,
                      event->kind == RV_EV_DROP ? "drop" : "wake-again",
                      number_of(self, event->id, event->value), -1, 0);
        return true;
    default:
        return false;
    }
}

/* --- jobs, operations, channels ---------------------------------------- */

/* Kinds whose source is a number of their own. */
static const struct numbered {
    uint32_t kind;
    const char *name;
    enum trace_group group;
    bool first; /* an address or id that was used before is another one now */
} numbered[] = {
    {RV_EV_JOB_QUEUED, "job-queued", TRACE_JOB, true},
    {RV_EV_JOB_START, "job-start", TRACE_JOB, false},
    {RV_EV_JOB_DONE, "job-done", TRACE_JOB, false},
    {RV_EV_SUBMIT, "submit", TRACE_OPERATION, true},
    {RV_EV_COMPLETE, "complete", TRACE_OPERATION, false},
    {RV_EV_CHAN_SEND, "chan-send", TRACE_CHANNEL, false},
    {RV_EV_CHAN_RECV, "chan-recv", TRACE_CHANNEL, false},
    {RV_EV_CHAN_WAIT, "chan-wait", TRACE_CHANNEL, false},
};

/* Returns: false for other kinds. */
static bool put_numbered_step(struct writer *self, const struct rv_event *event)
{
    const struct doing *doing = doing_of(self, event);

    for (size_t i = 0; i < sizeof numbered / sizeof numbered[0]; i++) {
        const struct numbered *kind = &numbered[i];
        const uint64_t space =
            kind->group == TRACE_OPERATION ? event->thread : 0;
        int64_t number;

        if (kind->kind != event->kind)
            continue;
        number = kind->first ? trace_number_new(&self->numbers, kind->group,
                                                space, event->id)
                             : trace_number(&self->numbers, kind->group, space,
                                            event->id);
        put_steps(self, event, kind->name, doing->task, number + 1, 0,
                  kind->group == TRACE_CHANNEL ? event->value : 1);
        return true;
    }
    return false;
}

/* --- all the others ---------------------------------------------------- */

/* Kinds that are one step, with the descriptor of their value as source. */
static const char *source_kind(uint32_t kind)
{
    switch (kind) {
    case RV_EV_REGISTER:
        return "register";
    case RV_EV_DEREGISTER:
        return "deregister";
    case RV_EV_READINESS:
        return "event";
    case RV_EV_WOULD_BLOCK:
        return "would-block";
    case RV_EV_CONNECT:
        return "connect";
    default:
        return NULL;
    }
}

/* Kinds that are one step, with their value. */
static const char *value_kind(uint32_t kind)
{
    switch (kind) {
    case RV_EV_PARK:
        return "park";
    case RV_EV_PERMIT:
        return "permit";
    case RV_EV_EPOLL_WAIT:
        return "epoll-wait";
    case RV_EV_EPOLL_DONE:
        return "epoll-done";
    default:
        return NULL;
    }
}

static void put_step(struct writer *self, size_t number)
{
    const struct rv_event *event = &self->recording->event[number];
    const struct doing *doing = doing_of(self, event);
    const uint32_t target = self->target[number];
    const int64_t task =
        doing->id == event->id ? doing->task : rv_id_index(event->id);
    const char *kind;

    if (put_task_step(self, event, target) || put_numbered_step(self, event))
        return;
    if ((kind = source_kind(event->kind))) {
        put_event(self, event, kind, -1, event->value, event->value);
    } else if ((kind = value_kind(event->kind))) {
        put_event(self, event, kind, -1, -1, event->value);
    } else if (event->kind == RV_EV_SEND || event->kind == RV_EV_RECV) {
        put_event(self, event, event->kind == RV_EV_SEND ? "send" : "recv", -1,
                  (int64_t)event->id, event->value);
    } else if (event->kind == RV_EV_AWAKE) {
        put_event(self, event, "awake", -1, -1, event->value ? 0 : -1);
    } else if (event->kind == RV_EV_UNPARK) {
        if (target > 0) /* else its thread does not park in the recording */
            put_event(self, event, "unpark", -1, -1, target);
    } else if (event->kind == RV_EV_SET_WAKER) {
        put_event(self, event, "set-waker", task, event->value, event->value);
    } else if (event->kind == RV_EV_TIMER) {
        put_event(self, event, "timer-fired", -1, -1, 0);
    } else if (event->kind == RV_EV_LINT) {
        put_event(self, event, "log", task, -1,
                  add_note(self, rv_lint_text((uint32_t)event->value)));
    } else if (event->kind == RV_EV_NOTE) {
        put_event(self, event, "log", -1, -1,
                  add_note(self, note_of(self->recording, event->id)));
    }
}

static void put_events(const struct trace_recording *recording, FILE *out)
{
    uint32_t *target = find_targets(recording);
    const char **text = calloc(recording->count + 1, sizeof *text);
    struct writer *self = calloc(1, sizeof *self);
    const bool ok = target && text && self;

    fputs(",\"events\":[", out);
    if (ok)
        *self = (struct writer){.recording = recording,
                                .out = out,
                                .separator = "",
                                .notes.text = text,
                                .target = target,
                                .several = has_several_owners(recording)};
    for (size_t i = 0; ok && i <= TRACE_THREADS; i++)
        self->doing[i] = (struct doing){.task = -1, .awaiting = -1};
    for (size_t i = 0; ok && i < recording->count; i++)
        put_step(self, i);
    fputs("],\"logs\":[", out);
    for (size_t i = 0; ok && i < self->notes.count; i++) {
        fputs(i ? "," : "", out);
        put_string(out, text[i] ? text[i] : "");
    }
    fputs("]", out);
    if (ok)
        trace_numbers_free(&self->numbers);
    free(target);
    free(text);
    free(self);
}

void trace_json_write(const struct trace_recording *recording, FILE *out)
{
    fputs("{\"format\":\"reveil-trace-1\",\"title\":", out);
    put_pair(out, recording->title_en, recording->title_fr);
    fputs(",\"program\":", out);
    put_string(out, recording->program);
    fputs(",", out);
    put_threads(recording, out);
    fputs(",\"tasks\":{},\"sources\":{},\"figures\":{},\"verdict\":null", out);
    if (recording->lost > 0)
        fprintf(out, ",\"lost\":%" PRIu64, recording->lost);
    put_events(recording, out);
    fputs("}", out);
}
