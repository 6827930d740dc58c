// SPDX-License-Identifier: MIT
//! memory.c with tokio: spawn a task, and poll it until it waits.
use peers::{ops, resident_bytes, variant, Span};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::Builder;

/// The smallest task that can be woken: it holds its waker.
struct Parked(Option<Waker>);

impl Future for Parked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0 = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn main() {
    let ops = ops();
    let sleeping = variant("sleeping");
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();

    runtime.block_on(async {
        let before = resident_bytes();
        let span = Span::start();
        for _ in 0..ops {
            if sleeping {
                tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
            } else {
                tokio::spawn(Parked(None));
            }
        }
        // Every task has its first poll before this one has its last.
        for _ in 0..ops / 32 + 2 {
            tokio::task::yield_now().await;
        }
        let bytes = resident_bytes() - before;
        let more = format!(",\"bytes_per_op\":{:.1}", bytes as f64 / ops as f64);
        span.print(ops, &more);
    });
    std::process::exit(0);
}
