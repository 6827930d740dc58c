// SPDX-License-Identifier: MIT
//! spawn.c with tokio: spawn a task that has nothing to do, and join it.
use peers::{ops, Span};
use tokio::runtime::Builder;

const WARM_UP: u64 = 10_000;

async fn work(ops: u64) {
    for _ in 0..ops {
        tokio::spawn(async {}).await.unwrap();
    }
}

fn main() {
    let ops = ops();
    let runtime = Builder::new_current_thread().build().unwrap();

    runtime.block_on(async {
        work(WARM_UP).await;
        let span = Span::start();
        work(ops).await;
        span.print(ops, "");
    });
}
