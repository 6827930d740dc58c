/* SPDX-License-Identifier: MIT */
/* event_text.c - the French lines of a log; the library writes the English. */
#include "cli/event_text.h"

#include <inttypes.h>
#include <reveil/async.h>
#include <stdio.h>
#include <string.h>

#include "cli/language.h"

/* Where the time and the thread end: after "  ms  name  ". */
static char *text_of(char *line)
{
    char *at = strstr(line, " ms  ");

    at = at ? strstr(at + 5, "  ") : NULL;
    return at ? at + strspn(at, " ") : line;
}

static int french(const struct rv_event *event, char *text, size_t size)
{
    const uint32_t task = rv_id_index(event->id);
    const int64_t value = event->value;
    const char *many = value == 1 ? "" : "s";

    switch (event->kind) {
    case RV_EV_SPAWN:
        return snprintf(text, size, "tâche n° %" PRIu32 " créée", task);
    case RV_EV_POLL:
        return snprintf(text, size, "sonde la tâche n° %" PRIu32, task);
    case RV_EV_PENDING:
        return snprintf(text, size, "tâche n° %" PRIu32 " : pas prête", task);
    case RV_EV_READY:
        return snprintf(text, size, "tâche n° %" PRIu32 " : terminée", task);
    case RV_EV_DROP:
        return snprintf(text, size, "tâche n° %" PRIu32 " abandonnée", task);
    case RV_EV_WAKE:
        return snprintf(text, size, "réveille la tâche n° %" PRIu32, task);
    case RV_EV_WAKE_AGAIN:
        return snprintf(text, size,
                        "réveille la tâche n° %" PRIu32 ", déjà dans la file",
                        task);
    case RV_EV_PARK:
        return snprintf(text, size, "s’endort (park) : rien à faire");
    case RV_EV_AWAKE:
        return snprintf(text, size, "est réveillé (unpark)");
    case RV_EV_EPOLL_WAIT:
        return snprintf(text, size, "dort dans epoll_wait");
    case RV_EV_EPOLL_DONE:
        return snprintf(text, size,
                        "epoll_wait a renvoyé %" PRId64 " évènement%s", value,
                        many);
    case RV_EV_REGISTER:
        return snprintf(text, size, "fd %" PRId64 " : abonné", value);
    case RV_EV_DEREGISTER:
        return snprintf(text, size, "fd %" PRId64 " : désabonné", value);
    case RV_EV_READINESS:
        return snprintf(text, size, "fd %" PRId64 " est prêt", value);
    case RV_EV_CONNECT:
        return snprintf(text, size, "fd %" PRId64 " connecté", value);
    case RV_EV_ACCEPT:
        return snprintf(text, size, "fd %" PRId64 " accepté", value);
    case RV_EV_SEND:
        return snprintf(text, size, "a envoyé %" PRId64 " octet%s", value,
                        many);
    case RV_EV_RECV:
        return snprintf(text, size, "a reçu %" PRId64 " octet%s", value, many);
    case RV_EV_WOULD_BLOCK:
        return snprintf(text, size,
                        "fd %" PRId64 " : rien à lire encore (EAGAIN)", value);
    default:
        return 0; /* the others stay as they are */
    }
}

int event_text(const struct rv_event *event, char *line, size_t size)
{
    const int len = rv_trace_format(event, line, size);
    char words[96];

    if (strcmp(language_name(), "fr") != 0 || event->value < 0 ||
        french(event, words, sizeof words) == 0)
        return len;
    snprintf(text_of(line), size - (size_t)(text_of(line) - line), "%s", words);
    return (int)strlen(line);
}
