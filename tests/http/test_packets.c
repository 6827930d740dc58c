/* SPDX-License-Identifier: MIT */
/* test_packets.c - packets that a GET and its response save. */
#include <criterion/criterion.h>
#include <linux/tcp.h> /* not netinet/tcp.h, whose tcp_info ends too early */

#include <reveil/http_client.h>
#include <stdio.h>

#include "cli/delay.h"
#include "serving.h"
#include "support/support.h"

RV_TEST_SUITE(http_packets);

static struct tcp_info info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info;
}

/* No accept is needed: the kernel makes the connection. */
RV_TEST(http_packets, a_get_is_one_with_the_end_of_the_handshake)
{
    struct rv_runtime *runtime;
    struct rv_stream listener;
    struct rv_http_get get;
    struct rv_probe probe;
    struct rv_addr addr;
    struct rv_cx cx;
    char url[64];

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_tcp_listen(&listener, &addr), 0);
    cr_assert_eq(rv_tcp_local_addr(&listener, &addr), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", rv_addr_port(&addr));
    cr_assert_eq(rv_http_get_init(&get, url), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);

    cr_assert_eq(rv_poll(&get.future, &cx), RV_PENDING);
    while (get.state != RV_HTTP_WAITING) {
        cr_assert(rv_probe_wait(&probe));
        cr_assert_eq(rv_poll(&get.future, &cx), RV_PENDING);
    }
    cr_assert_eq(info_of(rv_stream_fd(&get.stream)).tcpi_segs_out, 2,
                 "SYN, GET");

    rv_drop(&get.future);
    rv_probe_fini(&probe);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
}

/* A client that gets a single response, after the kernel has acknowledged its
 * request. Returns: the connection. */
static int ask_once(struct serving *serving)
{
    int fd;

    serving->handler = delay_handler();
    serving_start(serving);
    fd = dial(serving->port);
    say(fd, "GET /60/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return fd;
}

RV_TEST(http_packets, the_last_response_is_one_with_the_end)
{
    struct serving serving = {.port = 0};
    const int fd = ask_once(&serving);
    char text[1024];

    listen_for(fd, text, sizeof text, "\xff");
    cr_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\nx");
    cr_assert_leq(info_of(fd).tcpi_segs_in, 3, "SYN-ACK, ACK, answer");
    close(fd);
    serving_stop(&serving);
}

/* A close with unread data causes a reset; the response must have been sent by
 * then. */
RV_TEST(http_packets, a_stray_byte_does_not_cost_the_response)
{
    struct serving serving = {.port = 0};
    const int fd = ask_once(&serving);
    char text[1024];

    rv_test_wait_for_sleep(); /* the handler waits, as long as 60 ms may */
    say(fd, "\n");
    listen_for(fd, text, sizeof text, "\r\n\r\nx");
    cr_assert_not_null(strstr(text, "\r\n\r\nx"));
    close(fd);
    serving_stop(&serving);
}
