/* SPDX-License-Identifier: MIT */
/* test_reader.c - lines, delimiters and sizes, however the input is cut. */
#include "io/script.h"
#include "support/failing_alloc.h"

RV_TEST_SUITE(reader);

struct reading {
    struct staged test;
    struct rv_reader reader;
    char buffer[16];
};

static void reading_init(struct reading *r, const char *script)
{
    staged_init(&r->test, script);
    rv_reader_init(&r->reader, &r->test.script.io, r->buffer, sizeof r->buffer);
}

static int32_t line(struct reading *r, struct rv_text *out)
{
    struct rv_reader_text op;

    rv_reader_line_init(&op, &r->reader);
    staged_run(&r->test, &op.future);
    *out = op.text;
    return op.future.result;
}

static void check_line(struct reading *r, const char *wanted)
{
    struct rv_text text;

    cr_assert_eq(line(r, &text), 1, "\"%s\" is missing", wanted);
    cr_assert_eq(text.len_bytes, strlen(wanted));
    cr_assert_str_eq(text.data, wanted);
}

static void check_line_is(struct reading *r, int32_t result)
{
    struct rv_text text;

    cr_assert_eq(line(r, &text), result);
}

RV_TEST(reader, lines_end_with_or_without_a_carriage_return)
{
    static const char *const cuts[] = {
        "one\ntwo\r\n\n\r\na\rb\r\n",
        "o|n|e|\n|t|w|o|\r|\n|\n|\r|\n|a|\r|b|\r|\n",
        ".one|.\n|.two\r|.\n|\n\r.|\n|a.|\rb\r|\n.",
    };

    for (int i = 0; i < 3; i++) {
        struct reading r;

        reading_init(&r, cuts[i]);
        check_line(&r, "one");
        check_line(&r, "two");
        check_line(&r, "");
        check_line(&r, "");
        check_line(&r, "a\rb");
        check_line_is(&r, 0);
        check_line_is(&r, 0);
        staged_fini(&r.test);
    }
}

RV_TEST(reader, the_input_may_end_inside_of_a_line)
{
    struct rv_text text;
    struct reading r;

    reading_init(&r, "one\ntwo");
    check_line(&r, "one");
    cr_assert_eq(line(&r, &text), -ENOMSG);
    cr_assert_eq(text.len_bytes, 3);
    cr_assert_str_eq(text.data, "two");
    check_line_is(&r, 0);
    staged_fini(&r.test);
}

/* 15 bytes: the buffer's 16 less the NUL. */
RV_TEST(reader, a_line_that_does_not_fit_waits_for_a_larger_buffer)
{
    char larger[32];
    struct reading r;

    reading_init(&r, "0123456789abcd\n0123456789abcde\nnext\n");
    check_line(&r, "0123456789abcd");
    check_line_is(&r, -EMSGSIZE);
    check_line_is(&r, -EMSGSIZE);
    cr_assert_eq(rv_reader_move(&r.reader, larger, 8), -EMSGSIZE);
    cr_assert_eq(rv_reader_move(&r.reader, larger, sizeof larger), 0);
    check_line(&r, "0123456789abcde");
    check_line(&r, "next");
    check_line_is(&r, 0);
    staged_fini(&r.test);
}

RV_TEST(reader, a_line_that_is_too_long_can_be_passed_over)
{
    struct reading r;

    reading_init(&r, "0123456789abcdef0123456789\nnext\n");
    check_line_is(&r, -EMSGSIZE);
    rv_reader_consume(&r.reader, rv_reader_buffered(&r.reader).len_bytes);
    check_line(&r, "f0123456789");
    check_line(&r, "next");
    staged_fini(&r.test);
}

RV_TEST(reader, a_last_line_may_fill_the_buffer)
{
    struct rv_text text;
    struct reading r;

    reading_init(&r, "0123456789abcd");
    cr_assert_eq(line(&r, &text), -ENOMSG);
    cr_assert_str_eq(text.data, "0123456789abcd");
    staged_fini(&r.test);
}

RV_TEST(reader, a_delimiter_may_be_cut_anywhere)
{
    static const char *const cuts[] = {"a-b--c---", "a|-|b|-|-|c|-|-|-",
                                       "a-.b-|.-c-.-.-"};

    for (int i = 0; i < 3; i++) {
        struct rv_reader_text op;
        struct reading r;

        reading_init(&r, cuts[i]);
        rv_reader_until_init(&op, &r.reader, "--", 2);
        cr_assert_eq(staged_run(&r.test, &op.future), 1);
        cr_assert_str_eq(op.text.data, "a-b");
        rv_reader_until_init(&op, &r.reader, "--", 2);
        cr_assert_eq(staged_run(&r.test, &op.future), 1);
        cr_assert_str_eq(op.text.data, "c");
        rv_reader_until_init(&op, &r.reader, "--", 2);
        cr_assert_eq(staged_run(&r.test, &op.future), -ENOMSG);
        cr_assert_str_eq(op.text.data, "-");
        staged_fini(&r.test);
    }
}

RV_TEST(reader, a_dropped_line_loses_nothing)
{
    struct rv_reader_text op;
    struct reading r;

    reading_init(&r, "on|.e|.\n");
    rv_reader_line_init(&op, &r.reader);
    cr_assert_eq(staged_poll(&r.test, &op.future), RV_PENDING);
    rv_drop(&op.future);
    cr_assert_eq(r.test.script.forgotten[RV_READ], 1);
    cr_assert_eq(op.future.result, -ECANCELED);
    check_line(&r, "one");
    staged_fini(&r.test);
}

RV_TEST(reader, a_peek_consumes_nothing)
{
    struct rv_reader_text op;
    struct rv_text text;
    struct reading r;

    reading_init(&r, "ab|.cde");
    rv_reader_peek_init(&op, &r.reader, 4);
    cr_assert_eq(staged_run(&r.test, &op.future), 1);
    cr_assert_eq(op.text.len_bytes, 5);
    cr_assert_arr_eq(op.text.data, "abcde", 5);
    rv_reader_consume(&r.reader, 2);
    cr_assert_eq(rv_reader_try_peek(&r.reader, 3, &text), 1);
    cr_assert_arr_eq(text.data, "cde", 3);

    cr_assert_eq(rv_reader_try_peek(&r.reader, 4, &text), -EAGAIN);
    cr_assert_eq(rv_reader_try_peek(&r.reader, 16, &text), -EMSGSIZE);
    rv_reader_peek_init(&op, &r.reader, 4);
    cr_assert_eq(staged_run(&r.test, &op.future), -ENOMSG);
    cr_assert_arr_eq(op.text.data, "cde", 3);
    rv_reader_consume(&r.reader, 3);
    cr_assert_eq(rv_reader_try_peek(&r.reader, 4, &text), 0);
    staged_fini(&r.test);
}

RV_TEST(reader, try_makes_no_system_call)
{
    struct rv_text text;
    struct reading r;

    reading_init(&r, "one\ntwo;thr|ee\n");
    cr_assert_eq(rv_reader_try_line(&r.reader, &text), -EAGAIN);
    cr_assert_eq(r.test.script.reads, 0);
    check_line(&r, "one");
    cr_assert_eq(r.test.script.reads, 1);
    cr_assert_eq(rv_reader_try_until(&r.reader, ";", 1, &text), 1);
    cr_assert_str_eq(text.data, "two");
    cr_assert_eq(rv_reader_try_line(&r.reader, &text), -EAGAIN);
    check_line(&r, "three");
    staged_fini(&r.test);
}

RV_TEST(reader, exact_takes_what_was_read_ahead_and_then_reads_past_it)
{
    struct rv_reader_exact op;
    struct reading r;
    char body[32] = "";

    reading_init(&r, "5\nhello|. wor|.ld, and the rest");
    check_line(&r, "5");
    rv_reader_exact_init(&op, &r.reader, body, 25);
    cr_assert_eq(staged_poll(&r.test, &op.future), RV_PENDING);
    cr_assert_eq(op.got_bytes, 5);
    cr_assert_eq(staged_run(&r.test, &op.future), 1);
    cr_assert_str_eq(body, "hello world, and the rest");
    cr_assert_eq(op.got_bytes, 25);
    staged_fini(&r.test);
}

RV_TEST(reader, exact_tells_an_early_end_from_an_end)
{
    struct rv_reader_exact op;
    struct reading r;
    char body[8] = "";

    reading_init(&r, "abc|.d");
    rv_reader_exact_init(&op, &r.reader, body, 2);
    cr_assert_eq(staged_run(&r.test, &op.future), 1);
    rv_reader_exact_init(&op, &r.reader, body, 3);
    cr_assert_eq(staged_poll(&r.test, &op.future), RV_PENDING);
    rv_drop(&op.future);
    cr_assert_eq(op.got_bytes, 1, "a drop says how much there is");
    rv_reader_exact_init(&op, &r.reader, body + 1, 2);
    cr_assert_eq(staged_run(&r.test, &op.future), -ENOMSG);
    cr_assert_eq(op.got_bytes, 1);
    cr_assert_arr_eq(body, "cd", 2);
    rv_reader_exact_init(&op, &r.reader, body, 1);
    cr_assert_eq(staged_run(&r.test, &op.future), 0);
    rv_reader_exact_init(&op, &r.reader, body, 0);
    cr_assert_eq(staged_run(&r.test, &op.future), 1);
    staged_fini(&r.test);
}

RV_TEST(reader, read_returns_first_what_the_reader_has)
{
    struct rv_reader_read op;
    struct reading r;
    char body[8];

    reading_init(&r, "a\nbcd|.ef");
    check_line(&r, "a");
    rv_reader_read_init(&op, &r.reader, body, 2);
    cr_assert_eq(staged_run(&r.test, &op.future), 2);
    rv_reader_read_init(&op, &r.reader, body, 8);
    cr_assert_eq(staged_run(&r.test, &op.future), 1);
    rv_reader_read_init(&op, &r.reader, body, 8);
    cr_assert_eq(staged_run(&r.test, &op.future), 2);
    cr_assert_arr_eq(body, "ef", 2);
    rv_reader_read_init(&op, &r.reader, body, 8);
    cr_assert_eq(staged_run(&r.test, &op.future), 0);
    staged_fini(&r.test);
}

RV_TEST(reader, an_error_comes_after_the_lines_before_it)
{
    struct reading r;

    reading_init(&r, "one\ntwo\nthr");
    r.test.script.end = -ECONNRESET;
    check_line(&r, "one");
    check_line(&r, "two");
    check_line_is(&r, -ECONNRESET);
    staged_fini(&r.test);
}

/* --- all --------------------------------------------------------------- */

RV_TEST(reader, all_reads_to_the_end)
{
    struct rv_bytes bytes;
    struct rv_reader_all op;
    struct reading r;

    reading_init(&r, "x\nab|.cd|.|ef|.");
    rv_bytes_init(&bytes, 6);
    check_line(&r, "x");
    rv_reader_all_init(&op, &r.reader, &bytes);
    cr_assert_eq(staged_run(&r.test, &op.future), 0);
    cr_assert_str_eq(bytes.data, "abcdef");
    rv_bytes_fini(&bytes);
    staged_fini(&r.test);
}

RV_TEST(reader, all_stops_at_the_limit_and_leaves_the_rest)
{
    struct rv_bytes bytes;
    struct rv_reader_all op;
    struct reading r;

    reading_init(&r, "abc|.def\nrest\n");
    rv_bytes_init(&bytes, 5);
    rv_reader_all_init(&op, &r.reader, &bytes);
    cr_assert_eq(staged_run(&r.test, &op.future), -EMSGSIZE);
    cr_assert_str_eq(bytes.data, "abcde");
    check_line(&r, "f");
    check_line(&r, "rest");
    rv_bytes_fini(&bytes);
    staged_fini(&r.test);
}

RV_TEST(reader, all_without_memory)
{
    struct rv_bytes bytes = {0};
    struct rv_reader_all op;
    struct reading r;

    reading_init(&r, "abc");
    rv_reader_all_init(&op, &r.reader, &bytes);
    rv_count_allocs(1);
    cr_assert_eq(staged_run(&r.test, &op.future), -ENOMEM);
    rv_stop_counting_allocs();
    check_line_is(&r, -ENOMSG);
    staged_fini(&r.test);
}

/* --- misuse ------------------------------------------------------------ */

static void consume_too_much(void)
{
    struct rv_reader reader;
    char buffer[4];

    rv_reader_init(&reader, NULL, buffer, sizeof buffer);
    rv_reader_consume(&reader, 1);
}

static void empty_delimiter(void)
{
    struct rv_reader_text op;
    struct rv_reader reader;
    char buffer[4];

    rv_reader_init(&reader, NULL, buffer, sizeof buffer);
    rv_reader_until_init(&op, &reader, "", 0);
}

RV_TEST(reader, misuse_stops_the_program)
{
    rv_test_aborts(consume_too_much, "the reader has fewer bytes");
    rv_test_aborts(empty_delimiter, "an empty delimiter");
}
