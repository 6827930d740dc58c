/* SPDX-License-Identifier: MIT */
/*
 * test_resolve.c - names to addresses: with and without a look-up, and unknown
 * names.
 *
 * No test needs a network. A query to a name server (a name in the zone
 * "invalid", RFC 6761) may fail in either of the ways that are promised.
 *
 * Threads: the test's, and those of a pool.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/resolve.h>
#include <reveil/runtime.h>
#include <stdio.h>
#include <string.h>

#include "net/names.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(resolve);

/* The addresses of `host` as "a b c". Returns: the future's result. */
static int resolve(struct names *names, const char *host, char *text)
{
    struct rv_resolve self;
    int result;

    rv_resolve_init(&self, host, 80);
    result = rv_test_block_on(names->executor, &self.future);
    text[0] = '\0';
    for (int i = 0; i < result; i++) {
        if (i > 0)
            strcat(text, " ");
        rv_addr_format(&self.addrs[i], text + strlen(text));
    }
    rv_drop(&self.future);
    cr_assert_null(self.addrs);
    return result;
}

/* --- without a look-up ------------------------------------------------- */

RV_TEST(resolve, what_needs_no_look_up_is_ready_in_the_first_poll)
{
    static const struct {
        const char *host;
        const char *text;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:80"},
        {"10.1.2.3", "10.1.2.3:80"},
        {"::1", "[::1]:80"},
        {"2001:db8::7", "[2001:db8::7]:80"},
        {"localhost", "127.0.0.1:80 [::1]:80"},
        {"LocalHost", "127.0.0.1:80 [::1]:80"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rv_cx cx = {.executor = NULL}; /* and no pool */
        struct rv_resolve self;
        char text[2 * RV_ADDR_TEXT] = "";

        rv_resolve_init(&self, cases[i].host, 80);
        cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);
        for (int n = 0; n < self.future.result; n++) {
            if (n > 0)
                strcat(text, " ");
            rv_addr_format(&self.addrs[n], text + strlen(text));
        }
        cr_assert_str_eq(text, cases[i].text);
        rv_drop(&self.future);
    }
}

RV_TEST(resolve, what_cannot_be_a_name_is_an_error_at_once)
{
    struct rv_cx cx = {.executor = NULL};
    struct rv_resolve self;
    char name[RV_RESOLVE_NAME + 1] = "";

    rv_resolve_init(&self, "", 80);
    cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);
    cr_assert_eq(self.future.result, -EINVAL);

    memset(name, 'x', RV_RESOLVE_NAME);
    rv_resolve_init(&self, name, 80);
    cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);
    cr_assert_eq(self.future.result, -ENAMETOOLONG);
}

RV_TEST(resolve, a_name_needs_a_pool)
{
    struct rv_cx cx = {.executor = NULL};
    struct rv_resolve self;

    rv_resolve_init(&self, "name.invalid", 80);

    cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);
    cr_assert_eq(self.future.result, -ENODEV);
    rv_drop(&self.future);
}

/* --- looked up --------------------------------------------------------- */

/* A line of /etc/hosts with a name other than localhost. */
static bool find_in_hosts(char addr[64], char name[128])
{
    FILE *hosts = fopen("/etc/hosts", "re");
    char line[512];
    bool found = false;

    while (hosts && !found && fgets(line, sizeof line, hosts))
        found = sscanf(line, "%63s %127s", addr, name) == 2 && addr[0] != '#' &&
                !strstr(name, "localhost");
    if (hosts)
        fclose(hosts);
    return found;
}

RV_TEST(resolve, a_name_of_etc_hosts_is_found)
{
    struct names names;
    struct rv_addr wanted;
    char addr[64];
    char name[128];
    char wanted_text[RV_ADDR_TEXT];
    char text[RV_RESOLVE_ADDRS * RV_ADDR_TEXT];

    if (!find_in_hosts(addr, name))
        cr_skip_test("/etc/hosts has no name but localhost");
    cr_assert_eq(rv_addr_parse(&wanted, addr, 80), 0);
    rv_addr_format(&wanted, wanted_text);
    names_open(&names);

    cr_assert_geq(resolve(&names, name, text), 1);
    cr_assert_not_null(strstr(text, wanted_text), "%s: %s, not %s", name, text,
                       wanted_text);
    names_close(&names);
}

/* A form of addresses that only inet_aton(3) knows: it needs a look-up, but no
 * name server. */
RV_TEST(resolve, a_look_up_gives_addresses_with_the_port)
{
    struct names names;
    char text[RV_RESOLVE_ADDRS * RV_ADDR_TEXT];

    names_open(&names);

    cr_assert_eq(resolve(&names, "127.1", text), 1);
    cr_assert_str_eq(text, "127.0.0.1:80");
    cr_assert_eq(rv_blocking_threads(names.pool), 1);
    names_close(&names);
}

RV_TEST(resolve, a_name_that_is_none_is_an_error)
{
    static const char *const hosts[] = {"no.such.name.invalid", "a..b", "a b",
                                        ":x", "[::1]"};
    struct names names;
    char text[RV_RESOLVE_ADDRS * RV_ADDR_TEXT];

    names_open(&names);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        const int result = resolve(&names, hosts[i], text);

        cr_assert(result == -ENXIO || result == -EREMOTEIO, "%s: %d", hosts[i],
                  result);
    }
    names_close(&names);
}

/* --- dropped ----------------------------------------------------------- */

RV_TEST(resolve, dropped_in_the_queue_it_is_not_looked_up)
{
    struct names names;
    struct rv_resolve self;
    struct rv_probe probe;
    struct rv_cx cx;

    names_open(&names);
    names_block(&names);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_resolve_init(&self, "127.1", 80);
    cr_assert_eq(rv_poll(&self.future, &cx), RV_PENDING);
    cr_assert_eq(rv_poll(&self.future, &cx), RV_PENDING);
    rv_drop(&self.future);
    rv_drop(&self.future);

    names_unblock(&names);
    cr_assert_not(rv_probe_take(&probe));
    rv_probe_fini(&probe);
    names_close(&names);
}

RV_TEST(resolve, dropped_at_any_moment_it_leaves_nothing)
{
    struct names names;

    rv_count_allocs(0);
    names_open(&names);
    for (int i = 0; i < 50; i++) {
        struct rv_resolve self;
        struct rv_probe probe;
        struct rv_cx cx;

        rv_probe_init(&probe);
        cx = rv_probe_cx(&probe);
        rv_resolve_init(&self, "127.1", 80);
        if (rv_poll(&self.future, &cx) == RV_PENDING) {
            for (int spin = 0; spin < i * 200; spin++)
                atomic_signal_fence(memory_order_seq_cst);
            if (i % 5 == 0 && rv_probe_wait(&probe))
                cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);
        }
        rv_drop(&self.future);
        rv_probe_fini(&probe);
    }
    names_close(&names);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(resolve, a_pool_that_stops_cancels_it)
{
    struct names names;
    struct rv_resolve self;
    struct rv_probe probe;
    struct rv_cx cx;

    names_open(&names);
    names_block(&names);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_resolve_init(&self, "127.1", 80);
    cr_assert_eq(rv_poll(&self.future, &cx), RV_PENDING);
    rv_blocking_pool_stop(names.pool, 0);
    names.pool = NULL;

    cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);
    cr_assert_eq(self.future.result, -ECANCELED);
    rv_drop(&self.future);
    names_unblock(&names);
    rv_probe_fini(&probe);
    names_close(&names);
}

/* --- out of memory ----------------------------------------------------- */

/* A runtime of its own: a pool may grow at any time. */
static int look_up_once(void *arg)
{
    struct rv_runtime *runtime;
    struct rv_resolve self;
    int result = rv_test_runtime_start(&runtime);

    (void)arg;
    if (result < 0)
        return result;
    rv_resolve_init(&self, "127.1", 80);
    result = rv_runtime_block_on(runtime, &self.future);
    rv_drop(&self.future);
    rv_runtime_stop(runtime);
    return result == 1 ? 0 : result;
}

RV_TEST(resolve, every_allocation_of_a_look_up_may_fail)
{
    cr_assert_geq(rv_fail_each_alloc_strictly(look_up_once, NULL), 4);
}
