// SPDX-License-Identifier: MIT
//! channel.c with crossbeam (bounded, unbounded) and with std's mpsc (std):
//! values from another thread to this one, one at a time.
use peers::{ops, variant, Span};
use std::thread::{spawn, yield_now};

const CAPACITY: usize = 4096;
const WARM_UP: u64 = 100_000;

/// Let `ops` values cross; both ends yield their CPU when they cannot go on.
fn cross<S, R>(ops: u64, send: S, receive: R)
where
    S: Fn(u64) -> bool + Send + 'static,
    R: Fn() -> Option<u64>,
{
    let sender = spawn(move || {
        for value in 0..ops {
            while !send(value) {
                yield_now();
            }
        }
    });
    for expected in 0..ops {
        let value = loop {
            match receive() {
                Some(value) => break value,
                None => yield_now(),
            }
        };
        assert_eq!(value, expected);
    }
    sender.join().unwrap();
}

fn run(ops: u64) {
    if variant("std") {
        let (sender, receiver) = std::sync::mpsc::channel();
        let receive = move || receiver.try_recv().ok();
        cross(ops, move |value| sender.send(value).is_ok(), receive);
        return;
    }
    let (sender, receiver) = if variant("bounded") {
        crossbeam_channel::bounded(CAPACITY)
    } else {
        crossbeam_channel::unbounded()
    };
    let receive = move || receiver.try_recv().ok();
    cross(ops, move |value| sender.try_send(value).is_ok(), receive);
}

fn main() {
    let ops = ops();

    run(WARM_UP);
    let span = Span::start();
    run(ops);
    span.print(ops, "");
}
