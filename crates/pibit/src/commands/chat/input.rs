//! Messages from standard input.

use crate::context::Context;
use anyhow::{Context as _, Result};
use std::io::{self, BufRead, BufReader, IsTerminal, Stdin, Write};

/// Stands before and after a message of several lines.
const FENCE: &str = "\"\"\"";

pub(super) struct Input {
    lines: Lines<BufReader<Stdin>>,
    interactive: bool,
}

impl Input {
    pub(super) fn new() -> Self {
        let stdin = io::stdin();
        let interactive = stdin.is_terminal();
        Self { lines: Lines { from: BufReader::new(stdin), replaced: false }, interactive }
    }

    /// The next message; `None` at the end. Empty lines are none.
    pub(super) fn message(&mut self, context: &Context) -> Result<Option<String>> {
        if self.interactive {
            print!("> ");
            io::stdout().flush()?;
        }
        let interactive = self.interactive;
        let more = |lines: &Lines<BufReader<Stdin>>| {
            interactive && (!lines.from.buffer().is_empty() || is_waiting())
        };
        let message = self.lines.message(more).context("could not read standard input")?;
        if std::mem::take(&mut self.lines.replaced) {
            context.progress.note("the message has bytes that are no UTF-8; they were replaced");
        }
        Ok(message)
    }
}

struct Lines<R> {
    from: R,
    /// Whether bytes were replaced that are no UTF-8.
    replaced: bool,
}

impl<R: BufRead> Lines<R> {
    /// The next line with something in it, and those that belong to it: to the closing fence, or while there are `more`.
    fn message(&mut self, more: impl Fn(&Self) -> bool) -> io::Result<Option<String>> {
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            let mut message = if line.trim() == FENCE { self.fenced()? } else { line };
            while more(self) {
                let Some(line) = self.line()? else { break };
                message = format!("{message}\n{line}");
            }
            if !message.trim().is_empty() {
                return Ok(Some(message.trim_end().to_owned()));
            }
        }
    }

    fn fenced(&mut self) -> io::Result<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line()?.filter(|line| line.trim() != FENCE) {
            lines.push(line);
        }
        Ok(lines.join("\n"))
    }

    /// A line without its end, `\n` or `\r\n`.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        if self.from.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        self.replaced |= matches!(text, std::borrow::Cow::Owned(_));
        Ok(Some(text.into_owned()))
    }
}

/// Whether a terminal has another line already: it was pasted with the one before.
#[cfg(unix)]
fn is_waiting() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    // Terminals hand over what is pasted line by line.
    const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    let stdin = io::stdin();
    let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut asked, Some(&PAUSE)).is_ok_and(|ready| ready > 0) && asked[0].revents().contains(PollFlags::IN)
}

#[cfg(not(unix))]
fn is_waiting() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(bytes: &[u8], pasted: bool) -> (Vec<String>, bool) {
        let mut lines = Lines { from: bytes, replaced: false };
        let mut all = Vec::new();
        while let Some(message) = lines.message(|lines| pasted && !lines.from.is_empty()).unwrap() {
            all.push(message);
        }
        (all, lines.replaced)
    }

    #[test]
    fn blank_lines_and_line_ends_make_no_turns() {
        let (all, replaced) = messages(b"\n\r\nHello\r\n  \n\nAnd again", false);
        assert_eq!(all, ["Hello", "And again"]);
        assert!(!replaced);
    }

    #[test]
    fn lines_of_a_message_stay_together() {
        let fenced = b"\"\"\"\nfn main() {\n\n}\n\"\"\"\nnext\n";
        assert_eq!(messages(fenced, false).0, ["fn main() {\n\n}", "next"]);
        assert_eq!(messages(b"a\nb\n\nc\n", true).0, ["a\nb\n\nc"]);
        assert_eq!(messages(b"\"\"\"\nnever closed", false).0, ["never closed"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let (all, replaced) = messages(b"caf\xe9\n", false);
        assert_eq!(all, ["caf\u{FFFD}"]);
        assert!(replaced);
    }
}
