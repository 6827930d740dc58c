// SPDX-License-Identifier: MIT
//! yield.c with tokio: one of 1,000 tasks lets the others go first.
use peers::{ops, Span};
use tokio::runtime::Builder;

const TASKS: u64 = 1000;
const WARM_UP: u64 = 100;

async fn work(yields_each: u64) {
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        tasks.push(tokio::spawn(async move {
            for _ in 0..yields_each {
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn main() {
    let each = (ops() + TASKS - 1) / TASKS;
    let runtime = Builder::new_current_thread().build().unwrap();

    runtime.block_on(async {
        work(WARM_UP).await;
        let span = Span::start();
        work(each).await;
        span.print(each * TASKS, "");
    });
}
