/* SPDX-License-Identifier: MIT */
/*
 * rest.c - a small REST service, with JSON by cJSON: rest HOST:PORT
 *
 *     curl -X PUT -d '{"text":"buy milk"}' localhost:8080/notes/today
 *     curl localhost:8080/notes/today             {"name":"today","text":...}
 *     curl localhost:8080/notes                   all names, with lengths
 *     curl -X DELETE localhost:8080/notes/today
 *     curl -T big.iso localhost:8080/upload       any size: it is only counted
 *
 * A handler is a plain function that waits where it has to. All handlers run on
 * one thread, so that the notes need no lock; but another handler may change
 * them during a wait. Ctrl-C ends the service after the requests in progress.
 */
#include <cJSON.h>
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

enum {
    NOTES = 100,
    NAME_BYTES = 64,
    BODY_BYTES = 4096,
    PATIENCE_MS = 30000,
    DRAIN_MS = 5000,
};

static cJSON *notes; /* an object: a string for each name */

/* --- answers ----------------------------------------------------------- */

/* Owns: frees `json`. NULL: there was no memory for it. */
static int32_t reply(struct rv_http_exchange *x, int status, cJSON *json)
{
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    int error = -ENOMEM;

    if (text)
        error =
            rv_http_reply(x, status, "application/json", text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
    return error;
}

/* {"KEY":"TEXT"} */
static int32_t say(struct rv_http_exchange *x, int status, const char *key,
                   const char *text)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, key, text);
    return reply(x, status, json);
}

/* The parameter ":name". Returns: false if it is no name; there is a response
 * then. */
static bool find_name(struct rv_http_exchange *x, char name[NAME_BYTES])
{
    const struct rv_http_slice part = rv_http_param(x, "name");

    if (rv_http_decode(name, NAME_BYTES, x->bytes + part.at, part.len, false) >
        0)
        return true;
    say(x, 400, "error", "bad name");
    return false;
}

/* --- notes ------------------------------------------------------------- */

static int32_t get_note(struct rv_http_exchange *x, void *data)
{
    char name[NAME_BYTES];
    const cJSON *note;
    cJSON *json;

    (void)data;
    if (!find_name(x, name))
        return 0;
    note = cJSON_GetObjectItemCaseSensitive(notes, name);
    if (!note)
        return say(x, 404, "error", "no such note");
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", name);
    cJSON_AddStringToObject(json, "text", note->valuestring);
    return reply(x, 200, json);
}

static int32_t store(struct rv_http_exchange *x, const char *name,
                     const cJSON *text)
{
    const bool is_new = !cJSON_HasObjectItem(notes, name);
    cJSON *note;

    if (!cJSON_IsString(text))
        return say(x, 400, "error", "not an object with a \"text\"");
    if (is_new && cJSON_GetArraySize(notes) == NOTES)
        return say(x, 507, "error", "no room for another note");
    note = cJSON_CreateString(text->valuestring);
    if (!note)
        return -ENOMEM;
    cJSON_DeleteItemFromObjectCaseSensitive(notes, name);
    if (!cJSON_AddItemToObject(notes, name, note)) {
        cJSON_Delete(note);
        return -ENOMEM;
    }
    return say(x, is_new ? 201 : 200, "stored", name);
}

static int32_t put_note(struct rv_http_exchange *x, void *data)
{
    char name[NAME_BYTES];
    char body[BODY_BYTES];
    cJSON *json;
    size_t len;
    int error;

    (void)data;
    if (!find_name(x, name))
        return 0;
    error = rv_http_recv_whole(x, body, sizeof body, &len,
                               rv_after_ms(PATIENCE_MS));
    if (error < 0)
        return error; /* the client gets 400, 408 or 413 */
    json = cJSON_ParseWithLength(body, len);
    error = store(x, name, cJSON_GetObjectItemCaseSensitive(json, "text"));
    cJSON_Delete(json);
    return error;
}

static int32_t delete_note(struct rv_http_exchange *x, void *data)
{
    char name[NAME_BYTES];

    (void)data;
    if (!find_name(x, name))
        return 0;
    if (!cJSON_GetObjectItemCaseSensitive(notes, name))
        return say(x, 404, "error", "no such note");
    cJSON_DeleteItemFromObjectCaseSensitive(notes, name);
    return rv_http_reply(x, 204, NULL, "", 0);
}

static int32_t list_notes(struct rv_http_exchange *x, void *data)
{
    cJSON *list = cJSON_CreateArray();
    const cJSON *note;

    (void)data;
    cJSON_ArrayForEach(note, notes)
    {
        cJSON *entry = cJSON_CreateObject();

        cJSON_AddStringToObject(entry, "name", note->string);
        cJSON_AddNumberToObject(entry, "bytes",
                                (double)strlen(note->valuestring));
        cJSON_AddItemToArray(list, entry);
    }
    return reply(x, 200, list);
}

/* --- a body of any size ------------------------------------------------ */

static int32_t upload(struct rv_http_exchange *x, void *data)
{
    char piece[16 * 1024];
    cJSON *json;
    double total = 0;
    int n;

    (void)data;
    while ((n = rv_http_recv(x, piece, sizeof piece,
                             rv_after_ms(PATIENCE_MS))) > 0)
        total += n;
    if (n < 0)
        return n;
    json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "bytes", total);
    return reply(x, 200, json);
}

/* --- the service ------------------------------------------------------- */

/* cJSON calls itself for each level of a body, up to 1000 times: more than the
 * usual stack has room for. Only the pages that are used take memory. */
static const struct rv_http_handler parse = {.run = put_note,
                                             .stack_bytes = 1024 * 1024};
static const struct rv_http_handler any_size = {.run = upload,
                                                .body_bytes = INT64_MAX};
static const struct rv_http_route routes[] = {
    {.path = "/notes", .method = "GET", .run = list_notes},
    {.path = "/notes/:name", .method = "GET", .run = get_note},
    {.path = "/notes/:name", .method = "PUT", .handler = &parse},
    {.path = "/notes/:name", .method = "DELETE", .run = delete_note},
    {.path = "/upload", .method = "PUT", .handler = &any_size},
    {.path = NULL},
};

static int32_t serve(void *where)
{
    const struct rv_http_handler handler = rv_http_routes(routes);
    int error;

    notes = cJSON_CreateObject();
    error = notes ? rv_http_serve_at(where, &handler, DRAIN_MS * RV_NS_PER_MS)
                  : -ENOMEM;
    cJSON_Delete(notes);
    return error;
}

int main(int argc, char **argv)
{
    program_start(1);
    program_usage(argc, argv, 0, 1, "rest [HOST:PORT]");
    return rv_exit_status("rest",
                          rv_run(serve, argc > 1 ? argv[1] : "localhost:8080"));
}
