// SPDX-License-Identifier: MIT
//! What the Rust peers share: as bench.h, for programs without C.
use std::time::{Duration, Instant};

/// The first argument, a count of operations.
pub fn ops() -> u64 {
    match std::env::args().nth(1).and_then(|text| text.parse().ok()) {
        Some(ops) if ops > 0 => ops,
        _ => {
            eprintln!("usage: PROGRAM OPERATIONS [VARIANT]");
            std::process::exit(2)
        }
    }
}

/// The second argument is `word`.
pub fn variant(word: &str) -> bool {
    std::env::args().nth(2).as_deref() == Some(word)
}

/// CPU time of all threads; the first number in their schedstat, in ns.
fn cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let ns = threads.map(|thread| {
        let path = thread.unwrap().path().join("schedstat");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let first = text.split_whitespace().next();
        first.map_or(0, |number| number.parse().unwrap())
    });
    Duration::from_nanos(ns.sum())
}

pub fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

pub fn peak_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

pub struct Span {
    wall: Instant,
    cpu: Duration,
}

impl Span {
    pub fn start() -> Span {
        Span { cpu: cpu(), wall: Instant::now() }
    }

    /// One line of JSON; `more` is "" or further members, a comma first.
    pub fn print(self, ops: u64, more: &str) {
        let wall = self.wall.elapsed().as_nanos() as f64 / ops as f64;
        let cpu = (cpu() - self.cpu).as_nanos() as f64 / ops as f64;
        println!(
            "{{\"ns_per_op\":{wall:.3},\"cpu_ns_per_op\":{cpu:.3},\
             \"ops\":{ops}{more}}}"
        );
    }
}

extern "C" {
    fn prctl(option: i32, value: u64) -> i32;
}

/// Of a server: say "port N pid N", and end when whoever started us ends.
pub fn say_where(port: u16) {
    const PR_SET_PDEATHSIG: i32 = 1;
    const SIGTERM: u64 = 15;

    // SAFETY: this option takes a number, and touches no memory of ours.
    unsafe { prctl(PR_SET_PDEATHSIG, SIGTERM) };
    println!("port {port} pid {}", std::process::id());
}
