/* SPDX-License-Identifier: MIT */
/*
 * user.cc - a C++ program with a class that is a future, a channel, a coroutine
 * and a computation on another processor.
 */
#include <cstdio>
#include <memory>
#include <new>
#include <reveil/reveil.h>
#include <string>

namespace
{

/* Sleeps twice, and counts. */
class Naps : public rv_future
{
  public:
    Naps() : rv_future(), nap() { rv_future_init(this, &ops); }
    ~Naps() { rv_drop(this); }
    Naps(const Naps &) = delete;
    Naps &operator=(const Naps &) = delete;

  private:
    static enum rv_poll poll(rv_future *future, rv_cx *cx)
    {
        Naps *self = static_cast<Naps *>(future);

        RV_BEGIN(future);
        for (self->count = 0; self->count < 2; self->count++) {
            rv_sleep_init(&self->nap, rv_after_ms(1));
            RV_AWAIT(future, cx, &self->nap.future);
        }
        RV_RETURN(future, self->count);
        RV_END(future);
    }

    static void drop(rv_future *future)
    {
        rv_drop(&static_cast<Naps *>(future)->nap.future);
    }

    static rv_future_ops make_ops();
    static const rv_future_ops ops;
    rv_sleep nap;
    int count = 0;
};

/* Field by field: the struct may get more of them. */
rv_future_ops Naps::make_ops()
{
    rv_future_ops made = {};

    made.name = "naps";
    made.poll = Naps::poll;
    made.drop = Naps::drop;
    return made;
}

const rv_future_ops Naps::ops = Naps::make_ops();

int double_it(void *state, void *result)
{
    *static_cast<int *>(result) = 2 * *static_cast<int *>(state);
    return 0;
}

const rv_callable_ops double_ops = {"double",   double_it,   nullptr,
                                    sizeof(int), sizeof(int), false};

/* A coroutine: receives numbers until the channel is closed. */
int32_t sum_up(void *arg)
{
    rv_mpsc_receiver *receiver = static_cast<rv_mpsc_receiver *>(arg);
    int sum = 0;

    for (int number = 0; rv_mpsc_recv(receiver, &number, RV_NEVER) == 0;)
        sum += number;
    rv_mpsc_receiver_close(receiver);
    return sum;
}

/* Fails if the library or a struct is not what the headers say. */
bool try_coroutine(rv_runtime *runtime)
{
    rv_mpsc_sender *sender = nullptr;
    rv_mpsc_receiver *receiver = nullptr;
    rv_join join = {};

    if (rv_mpsc_new(&sender, &receiver, sizeof(int), nullptr) != 0 ||
        rv_coro_spawn(rv_runtime_executor(runtime), sum_up, receiver, nullptr,
                      &join) != 0)
        return false;
    for (int number = 1; number <= 4; number++)
        rv_mpsc_send(sender, &number);
    rv_mpsc_sender_close(sender);
    const int sum = rv_runtime_block_on(runtime, &join.future);
    rv_drop(&join.future);
    return sum == 10;
}

bool try_callable()
{
    rv_callable *callable = nullptr;
    const int state = 21;

    if (rv_callable_new(&callable, &double_ops, &state) != 0)
        return false;
    const bool first = rv_callable_take(callable);
    const bool second = rv_callable_take(callable);
    rv_callable_run(callable);
    const int result = *static_cast<int *>(rv_callable_result(callable));
    rv_callable_put(callable);
    return first && !second && result == 42;
}

} // namespace

int main()
{
    rv_runtime *runtime = nullptr;
    rv_runtime_options options = {};

    if (std::string(rv_version()) != RV_VERSION)
        return 1;
    options.reactor = RV_REACTOR_FUSED;
    if (rv_runtime_start_with(&runtime, &options) != 0)
        return 2;
    {
        auto naps = std::make_unique<Naps>();
        if (rv_runtime_block_on(runtime, naps.get()) != 2)
            return 3;
    }
    if (!try_coroutine(runtime))
        return 4;
    if (!try_callable())
        return 5;
    rv_runtime_stop(runtime);
    std::puts("a C++ program");
    return 0;
}
