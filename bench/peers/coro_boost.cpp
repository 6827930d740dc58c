// SPDX-License-Identifier: MIT
// coro_boost.cpp - coro.c with Boost.Context: its fiber, on pooled stacks.
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <memory>

extern "C" {
#include "../bench.h"
}

namespace context = boost::context;

enum { WARM_UP = 1000, STACK_BYTES = 64 * 1024 };

static context::pooled_fixedsize_stack stacks{STACK_BYTES};

static void switch_there_and_back(int64_t ops)
{
    context::fiber fiber{std::allocator_arg, stacks,
                         [](context::fiber &&outside) {
                             while (outside)
                                 outside = std::move(outside).resume();
                             return std::move(outside);
                         }};

    for (int64_t i = 0; i < ops; i += 2)
        fiber = std::move(fiber).resume();
}

static void create_run_free(int64_t ops)
{
    for (int64_t i = 0; i < ops; i++) {
        context::fiber fiber{
            std::allocator_arg, stacks,
            [](context::fiber &&outside) { return std::move(outside); }};

        fiber = std::move(fiber).resume();
    }
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    const bool creates = bench_variant(argc, argv, "create");
    const auto work = creates ? create_run_free : switch_there_and_back;
    bench_span span;

    work(WARM_UP);
    bench_start(&span);
    work(ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return 0;
}
