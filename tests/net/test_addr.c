/* SPDX-License-Identifier: MIT */
/* test_addr.c - addresses from text and to text. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <reveil/net.h>
#include <string.h>

#include "support/support.h"

RV_TEST_SUITE(addr);

RV_TEST(addr, an_ipv4_address_is_parsed)
{
    struct rv_addr addr;

    cr_assert_eq(rv_addr_parse(&addr, "192.0.2.7", 8080), 0);

    cr_assert_eq(addr.sa.base.sa_family, AF_INET);
    cr_assert_eq(addr.sa.v4.sin_addr.s_addr, htonl(0xc0000207));
    cr_assert_eq(addr.len_bytes, sizeof(struct sockaddr_in));
    cr_assert_eq(rv_addr_port(&addr), 8080);
}

RV_TEST(addr, an_ipv6_address_is_parsed)
{
    struct rv_addr addr;

    cr_assert_eq(rv_addr_parse(&addr, "::1", 443), 0);

    cr_assert_eq(addr.sa.base.sa_family, AF_INET6);
    cr_assert_eq(memcmp(&addr.sa.v6.sin6_addr, &in6addr_loopback,
                        sizeof in6addr_loopback),
                 0);
    cr_assert_eq(addr.len_bytes, sizeof(struct sockaddr_in6));
    cr_assert_eq(rv_addr_port(&addr), 443);
}

RV_TEST(addr, localhost_is_127_0_0_1)
{
    struct rv_addr addr;

    cr_assert_eq(rv_addr_parse(&addr, "localhost", 1), 0);

    cr_assert_eq(addr.sa.base.sa_family, AF_INET);
    cr_assert_eq(addr.sa.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

RV_TEST(addr, names_and_broken_addresses_are_refused)
{
    static const char *const bad[] = {
        "",          "example.org", "localhost.", "LOCALHOST",  "1.2.3",
        "1.2.3.4.5", "256.1.1.1",   "1.2.3.4 ",   " 127.0.0.1", "0x7f.0.0.1",
        ":",         ":::",         "[::1]",      "1::2::3",    "fe80::1%lo",
        "::1/128",   "127.0.0.1:80"};
    struct rv_addr addr;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(rv_addr_parse(&addr, bad[i], 80), -EINVAL, "\"%s\"",
                     bad[i]);
}

RV_TEST(addr, what_was_parsed_is_formatted_with_its_port)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *text;
    } cases[] = {
        {"0.0.0.0", 0, "0.0.0.0:0"},
        {"127.0.0.1", 80, "127.0.0.1:80"},
        {"255.255.255.255", 65535, "255.255.255.255:65535"},
        {"::", 1, "[::]:1"},
        {"2001:DB8::00ff", 443, "[2001:db8::ff]:443"},
        {"::ffff:192.0.2.1", 9, "[::ffff:192.0.2.1]:9"},
    };
    struct rv_addr addr;
    char text[RV_ADDR_TEXT];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(rv_addr_parse(&addr, cases[i].host, cases[i].port), 0);
        rv_addr_format(&addr, text);
        cr_assert_str_eq(text, cases[i].text);
        cr_assert_eq(rv_addr_port(&addr), cases[i].port);
    }
}

RV_TEST(addr, the_longest_text_fits)
{
    const char *host = "abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd";
    struct rv_addr addr;
    char text[RV_ADDR_TEXT];

    cr_assert_eq(rv_addr_parse(&addr, host, 65535), 0);
    rv_addr_format(&addr, text);

    cr_assert_str_eq(text, "[abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd]:65535");
}

/* --- host and port in one text ----------------------------------------- */

RV_TEST(addr, host_and_port_are_split)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } cases[] = {
        {"example.org:80", "example.org", 80},
        {"[::1]:443", "::1", 443},
        {"*:0", "*", 0},
        {":65535", "", 65535},
        {"127.0.0.1:0080", "127.0.0.1", 80},
    };
    char host[64];
    uint16_t port;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(
            rv_host_port_parse(cases[i].text, host, sizeof host, &port), 0);
        cr_assert_str_eq(host, cases[i].host);
        cr_assert_eq(port, cases[i].port);
    }
}

RV_TEST(addr, what_is_no_host_and_port_is_refused)
{
    static const char *const bad[] = {
        "",     "80",      "x",     "x:",     "x:-1",   "x: 1",
        "x:1 ", "x:65536", "::1:8", "[::1:8", "[::1]8", "x:4294967376"};
    char host[5];
    uint16_t port;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(rv_host_port_parse(bad[i], host, sizeof host, &port),
                     -EINVAL, "\"%s\"", bad[i]);
    cr_assert_eq(rv_host_port_parse("four:1", host, 5, &port), 0);
    cr_assert_eq(rv_host_port_parse("fives:1", host, 5, &port), -ENAMETOOLONG);
}
