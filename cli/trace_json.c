/* SPDX-License-Identifier: MIT */
/* trace_json.c - the library's events as steps of the step page. */
#include "cli/trace_json.h"

#include <errno.h>
#include <inttypes.h>
#include <reveil/base.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
        {"bell", "bell"},     {"executor", "executor"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strstr(name, known[i].word))
            return known[i].role;
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

/* --- events ------------------------------------------------------------ */

/* The words of the log that is being written; one for each note. */
struct notes {
    const char **text; /* owned; what it points to is not */
    size_t count;
};

struct writer {
    const struct trace_recording *recording;
    FILE *out;
    const char *separator;
    struct notes notes;
};

static void put_event(struct writer *self, const struct rv_event *event,
                      const char *kind, int64_t task, int64_t source,
                      int64_t value)
{
    const int64_t start_ns = self->recording->event[0].at_ns;

    fprintf(self->out,
            "%s\n[%" PRId64 ",%" PRIu32 ",\"%s\",%" PRId64 ",%" PRId64
            ",%" PRId64 "]",
            self->separator, event->at_ns - start_ns, event->thread, kind, task,
            source, value);
    self->separator = ",";
}

/* The thread that polls this task, from here on; 0: none does. */
static uint32_t owner_of(const struct trace_recording *recording, size_t from,
                         uint64_t task)
{
    for (size_t i = from; i < recording->count; i++)
        if (recording->event[i].kind == RV_EV_POLL &&
            recording->event[i].id == task)
            return recording->event[i].thread;
    return 0;
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

/* Kinds that are one step, with the task of their id. */
static const char *task_kind(uint32_t kind)
{
    switch (kind) {
    case RV_EV_SPAWN:
        return "spawn";
    case RV_EV_PENDING:
        return "pending";
    case RV_EV_READY:
        return "ready";
    case RV_EV_DROP:
        return "drop";
    case RV_EV_WAKE_AGAIN:
        return "wake-again";
    default:
        return NULL;
    }
}

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
    case RV_EV_UNPARK:
        return "awake";
    case RV_EV_EPOLL_WAIT:
        return "epoll-wait";
    case RV_EV_EPOLL_DONE:
        return "epoll-done";
    case RV_EV_SEND:
        return "send";
    case RV_EV_RECV:
        return "recv";
    case RV_EV_TIMER:
        return "timer";
    default:
        return NULL;
    }
}

static void put_step(struct writer *self, size_t number)
{
    const struct rv_event *event = &self->recording->event[number];
    const int64_t task = rv_id_index(event->id);
    const char *kind;

    if ((kind = task_kind(event->kind))) {
        put_event(self, event, kind, task, -1, 0);
    } else if ((kind = source_kind(event->kind))) {
        put_event(self, event, kind, -1, event->value, event->value);
    } else if ((kind = value_kind(event->kind))) {
        put_event(self, event, kind, -1, -1, event->value);
    } else if (event->kind == RV_EV_POLL) {
        put_event(self, event, "pop", task, -1, 0);
        put_event(self, event, "poll", task, -1, 0);
    } else if (event->kind == RV_EV_WAKE) {
        put_event(self, event, "wake", task, -1, 0);
        put_event(self, event, "push", task, -1,
                  owner_of(self->recording, number, event->id));
    } else if (event->kind == RV_EV_LINT) {
        put_event(self, event, "log", task, -1,
                  add_note(self, rv_lint_text((uint32_t)event->value)));
    } else if (event->kind == RV_EV_NOTE) {
        put_event(self, event, "log", -1, -1,
                  add_note(self, note_of(self->recording, event->id)));
    }
}

void trace_json_write(const struct trace_recording *recording, FILE *out)
{
    struct writer self = {.recording = recording, .out = out, .separator = ""};

    fputs("{\"format\":\"reveil-trace-1\",\"title\":", out);
    put_pair(out, recording->title_en, recording->title_fr);
    fputs(",\"program\":", out);
    put_string(out, recording->program);
    fputs(",", out);
    put_threads(recording, out);
    fputs(",\"tasks\":{},\"sources\":{},\"figures\":{},\"verdict\":null", out);
    if (recording->lost > 0)
        fprintf(out, ",\"lost\":%" PRIu64, recording->lost);
    fputs(",\"events\":[", out);
    self.notes.text = calloc(recording->count + 1, sizeof *self.notes.text);
    for (size_t i = 0; self.notes.text && i < recording->count; i++)
        put_step(&self, i);
    fputs("],\"logs\":[", out);
    for (size_t i = 0; i < self.notes.count; i++) {
        fputs(i ? "," : "", out);
        put_string(out, self.notes.text[i] ? self.notes.text[i] : "");
    }
    fputs("]}", out);
    free(self.notes.text);
}
