//! A server of static files for one machine.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::thread;

/// Longest request that is read.
const MAX_REQUEST: u64 = 16 << 10;

/// Sent with every file. The first two isolate the page, without which browsers give it no shared memory.
const HEADERS: &str = "Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Embedder-Policy: require-corp\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-cache\r\n\
    Connection: close\r\n";

/// Listens on the loopback interface.
pub(crate) struct Server {
    folder: PathBuf,
    listener: TcpListener,
}

impl Server {
    /// Fails where the port is taken.
    pub(crate) fn new(folder: PathBuf, port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} cannot be used; name another with --port"))?;
        Ok(Self { folder, listener })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// Serves for ever, a thread per request.
    pub(crate) fn run(&self) {
        for stream in self.listener.incoming().flatten() {
            let folder = self.folder.clone();
            // A browser that goes away in the middle is no matter.
            thread::spawn(move || answer(&folder, stream).ok());
        }
    }
}

fn answer(folder: &Path, mut stream: TcpStream) -> io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?.take(MAX_REQUEST));
    let mut first = String::new();
    request.read_line(&mut first)?;
    // The rest is read so that the connection can be closed in order.
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let file = if matches!(method, "GET" | "HEAD") { file_of(folder, target) } else { None };
    let Some(path) = file else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\n{HEADERS}Content-Length: 0\r\n\r\n");
    };
    let (kind, length) = (kind(&path), fs::metadata(&path)?.len());
    write!(stream, "HTTP/1.1 200 OK\r\n{HEADERS}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")?;
    if method == "GET" {
        io::copy(&mut File::open(path)?, &mut stream)?;
    }
    stream.flush()
}

/// The file that a request names, if it lies in the folder.
fn file_of(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = Path::new(if path.is_empty() { "index.html" } else { path });
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let file = folder.join(path);
    (is_plain && file.is_file()).then_some(file)
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let folder = crate::sh::root().join("xtask");
        assert!(file_of(&folder, "/Cargo.toml?x=1").is_some());
        for target in ["/../Cargo.toml", "//etc/passwd", "/src/../../Cargo.toml", "/none", "Cargo.toml", ""] {
            assert_eq!(file_of(&folder, target), None, "{target}");
        }
    }

    #[test]
    fn files_are_served_isolated() {
        let server = Server::new(crate::sh::root().join("xtask"), 0).unwrap();
        let address = server.address();
        thread::spawn(move || server.run());
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /Cargo.toml HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nCross-Origin-Opener-Policy: same-origin"), "{answer}");
        assert!(answer.ends_with(&fs::read_to_string(crate::sh::root().join("xtask/Cargo.toml")).unwrap()));
    }
}
