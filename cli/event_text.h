/* SPDX-License-Identifier: MIT */
/* event_text.h - an event of the trace as a line, in the user's language. */
#ifndef RV_CLI_EVENT_TEXT_H
#define RV_CLI_EVENT_TEXT_H

#include <reveil/trace.h>
#include <stddef.h>

/* As rv_trace_format(), which writes the English line. */
int event_text(const struct rv_event *event, char *line, size_t size);

#endif /* RV_CLI_EVENT_TEXT_H */
