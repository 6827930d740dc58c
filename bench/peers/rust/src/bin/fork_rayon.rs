// SPDX-License-Identifier: MIT
//! fork.c with rayon: fib by join(), one operation a fork; see fib.h.
use peers::{ops, variant, Span};
use rayon::ThreadPoolBuilder;

const WARM_UP: u64 = 100_000;

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

/// The greatest n whose fib() makes at most so many forks, and its forks.
fn fib_of_forks(most: u64) -> (u64, u64) {
    let (mut n, mut forks, mut before) = (2, 1, 0);
    while forks + before + 1 <= most {
        (before, forks) = (forks, forks + before + 1);
        n += 1;
    }
    (n, forks)
}

fn work(mut ops: u64) {
    while ops > 0 {
        let (n, forks) = fib_of_forks(ops);
        std::hint::black_box(fib(n));
        ops -= forks;
    }
}

fn main() {
    let ops = ops();
    let threads = if variant("one-core") { 1 } else { 2 };
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();

    pool.install(|| {
        work(WARM_UP);
        let span = Span::start();
        work(ops);
        span.print(ops, "");
    });
}
