/* SPDX-License-Identifier: MIT */
/*
 * test_unix.c - Unix stream sockets: the TCP futures over a path.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>
#include <reveil/runtime.h>
#include <reveil/unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(unix_socket);

/* A folder of its own for each test, and a path in it. */
struct place {
    char folder[32];
    char path[48];
};

static void place_make(struct place *place)
{
    strcpy(place->folder, "/tmp/reveil-unix-XXXXXX");
    cr_assert_not_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/socket", place->folder);
}

static void place_remove(const struct place *place)
{
    unlink(place->path);
    cr_assert_eq(rmdir(place->folder), 0);
}

static int connect_to(struct rv_runtime *runtime, struct rv_stream *stream,
                      const char *path)
{
    struct rv_unix_connect connect;
    int result;

    rv_unix_connect_init(&connect, path, stream);
    result = rv_test_block_on(rv_runtime_executor(runtime), &connect.future);
    rv_drop(&connect.future);
    return result;
}

static int accept_from(struct rv_runtime *runtime, struct rv_stream *listener,
                       struct rv_stream *stream)
{
    struct rv_stream_accept accept;
    int result;

    rv_stream_accept_init(&accept, listener, stream);
    result = rv_test_block_on(rv_runtime_executor(runtime), &accept.future);
    rv_drop(&accept.future);
    return result;
}

/* From one end to the other. Returns: 0, negative errno. */
static int pass_a_word(struct rv_runtime *runtime, struct rv_stream *from,
                       struct rv_stream *to)
{
    struct rv_future *both[2];
    struct rv_stream_send send;
    struct rv_stream_recv recv;
    struct rv_try_all all;
    char text[8] = "";
    int result;

    rv_stream_recv_init(&recv, to, text, sizeof text);
    rv_stream_send_init(&send, from, "word", 4);
    both[0] = &recv.future;
    both[1] = &send.future;
    rv_try_all_init(&all, both, 2);
    result = rv_test_block_on(rv_runtime_executor(runtime), &all.future);
    rv_drop(&all.future);
    if (!result)
        cr_assert_str_eq(text, "word");
    return result;
}

/* Listen, connect, a word in each direction, close. */
static int whole_life(void *path)
{
    struct rv_runtime *runtime;
    struct rv_stream listener = {0};
    struct rv_stream client = {0};
    struct rv_stream server = {0};
    int error = rv_test_runtime_start(&runtime);

    if (error)
        return error;
    error = rv_unix_listen(&listener, path);
    if (!error)
        error = connect_to(runtime, &client, path);
    if (!error)
        error = accept_from(runtime, &listener, &server);
    if (!error)
        error = pass_a_word(runtime, &client, &server);
    if (!error)
        error = pass_a_word(runtime, &server, &client);
    rv_stream_close(&listener);
    rv_stream_close(&client);
    rv_stream_close(&server);
    rv_runtime_stop(runtime);
    unlink(path);
    return error;
}

/* --- tests ------------------------------------------------------------- */

RV_TEST(unix_socket, words_go_both_ways_over_a_path)
{
    struct place place;

    place_make(&place);
    cr_assert_eq(whole_life(place.path), 0);
    place_remove(&place);
}

RV_TEST(unix_socket, each_failing_allocation_leaves_nothing)
{
    struct place place;

    place_make(&place);
    cr_assert_gt(rv_fail_each_alloc_strictly(whole_life, place.path), 5);
    place_remove(&place);
}

RV_TEST(unix_socket, an_abstract_name_is_no_file_and_goes_with_its_socket)
{
    char name[48];

    snprintf(name, sizeof name, "@reveil-test-%d", (int)getpid());
    for (int i = 0; i < 2; i++)
        cr_assert_eq(whole_life(name), 0);
    cr_assert_eq(access(name, F_OK), -1);
}

RV_TEST(unix_socket, failures_are_values)
{
    struct rv_runtime *runtime;
    struct rv_stream listener;
    struct rv_stream client;
    struct place place;
    char long_path[200];

    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    place_make(&place);
    cr_assert_eq(rv_unix_listen(&listener, place.path), -ENODEV);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(connect_to(runtime, &client, place.path), -ENOENT);
    cr_assert_eq(rv_unix_listen(&listener, long_path), -ENAMETOOLONG);
    cr_assert_eq(rv_unix_listen(&listener, ""), -EINVAL);
    cr_assert_eq(connect_to(runtime, &client, long_path), -ENAMETOOLONG);

    cr_assert_eq(rv_unix_listen(&listener, place.path), 0);
    rv_stream_close(&listener);
    cr_assert_eq(connect_to(runtime, &client, place.path), -ECONNREFUSED);
    cr_assert_eq(rv_unix_listen(&listener, place.path), -EADDRINUSE);
    cr_assert_eq(rv_stream_fd(&client), -1);
    rv_runtime_stop(runtime);
    place_remove(&place);
}

/* --- a full queue ------------------------------------------------------ */

/* A listener whose queue has room for one, which is in it. */
static void open_full(const char *name, struct rv_runtime *runtime,
                      struct rv_stream *listener, struct rv_stream *first)
{
    cr_assert_eq(rv_unix_listen(listener, name), 0);
    cr_assert_eq(listen(rv_stream_fd(listener), 0), 0);
    cr_assert_eq(connect_to(runtime, first, name), 0);
}

RV_TEST(unix_socket, a_connect_waits_for_room_and_leaves_nothing_when_dropped)
{
    struct rv_unix_connect connect;
    struct rv_runtime *runtime;
    struct rv_stream listener;
    struct rv_timeout timeout;
    struct rv_stream_accept accept;
    struct rv_future *both[2];
    struct rv_all all;
    struct rv_stream first;
    struct rv_stream second;
    struct rv_stream taken;
    uint32_t fds;
    char name[48];

    snprintf(name, sizeof name, "@reveil-full-%d", (int)getpid());
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    open_full(name, runtime, &listener, &first);
    fds = rv_test_fds();
    rv_unix_connect_init(&connect, name, &second);
    rv_timeout_init(&timeout, &connect.future, rv_after_ms(10));
    cr_assert_eq(rv_runtime_block_on(runtime, &timeout.future), -ETIMEDOUT);
    rv_drop(&timeout.future);
    cr_assert_eq(rv_test_fds(), fds);

    rv_unix_connect_init(&connect, name, &second); /* it finds no room */
    rv_stream_accept_init(&accept, &listener,
                          &taken); /* then this makes room */
    both[0] = &connect.future;
    both[1] = &accept.future;
    rv_all_init(&all, both, 2);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &all.future),
                 0);
    cr_assert_eq(connect.future.result, 0);
    cr_assert_eq(accept.future.result, 0);
    rv_drop(&all.future);
    rv_stream_close(&taken);
    rv_stream_close(&first);
    rv_stream_close(&second);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
}
