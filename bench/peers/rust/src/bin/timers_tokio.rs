// SPDX-License-Identifier: MIT
//! timers.c with tokio: tasks that sleep 1..1000 ms, all at once.
use peers::{ops, peak_bytes, Span};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::Instant;

fn main() {
    let ops = ops();
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();

    runtime.block_on(async {
        let span = Span::start();
        let mut tasks = Vec::new();
        for i in 0..ops {
            let deadline =
                Instant::now() + Duration::from_millis(i % 1000 + 1);
            tasks.push(tokio::spawn(async move {
                tokio::time::sleep_until(deadline).await;
                let now = Instant::now();
                (now < deadline, now.saturating_duration_since(deadline))
            }));
        }
        let mut early = 0;
        let mut late = Duration::ZERO;
        for task in tasks {
            let (was_early, was_late) = task.await.unwrap();
            early += u64::from(was_early);
            late += was_late;
        }
        let more = format!(
            ",\"late_ns\":{:.0},\"early\":{early},\"peak_bytes\":{}",
            late.as_nanos() as f64 / ops as f64,
            peak_bytes()
        );
        span.print(ops, &more);
    });
}
