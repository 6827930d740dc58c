// SPDX-License-Identifier: MIT
//! server.c with tokio, as little of HTTP as hello.h has.
use std::io::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

const BUFFER: usize = 4096;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
Content-Length: 6\r\n\r\nhello\n";

/// The end of the first request in `bytes`.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Put an answer into `out` for every whole request, and keep the rest.
fn answer(input: &mut [u8], len: usize, out: &mut Vec<u8>) -> usize {
    let mut start = 0;
    while let Some(end) = end_of_head(&input[start..len]) {
        out.extend_from_slice(ANSWER);
        start += end;
    }
    input.copy_within(start..len, 0);
    len - start
}

async fn serve(mut client: TcpStream) -> Result<()> {
    let mut input = [0; BUFFER];
    let mut out = Vec::with_capacity(BUFFER);
    let mut len = 0;
    loop {
        let n = client.read(&mut input[len..]).await?;
        if n == 0 {
            return Ok(());
        }
        out.clear();
        len = answer(&mut input, len + n, &mut out);
        if !out.is_empty() {
            client.write_all(&out).await?;
        }
    }
}

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;

    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        peers::say_where(port);
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(serve(client));
        }
    })
}
