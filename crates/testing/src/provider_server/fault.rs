use std::time::Duration;

use serde_json::json;

use super::frames::{answer, json};
use crate::Step;

/// Declares the faults with their names and the list of them.
macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal,)*) => {
        /// Where and how a provider is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProviderFault {
            $($(#[$doc])* $fault,)*
        }

        impl ProviderFault {
            /// All of them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$fault),*];

            /// How it is called in the name of a model.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$fault => $name,)*
                }
            }
        }
    };
}

faults! {
    /// The connection closes without a word.
    ClosesAtOnce = "closes_at_once",
    /// Nothing comes at all.
    StallsBeforeHead = "stalls_before_head",
    /// What comes is not HTTP.
    NoHttp = "no_http",
    /// The head stops in the middle of a header.
    HeadCut = "head_cut",
    /// The head comes byte by byte, and never ends.
    HeadDrips = "head_drips",
    /// Ten thousand headers.
    ManyHeaders = "many_headers",
    /// A header of a MiB.
    GiantHeader = "giant_header",
    /// Provisional answers without end.
    InterimAnswers = "interim_answers",
    /// 302, to this server itself.
    Redirects = "redirects",
    /// 204.
    NoContent = "no_content",
    /// 400, with a body of several MiB.
    BadRequest = "bad_request",
    Unauthorized = "unauthorized",
    NoSuchModel = "no_such_model",
    /// 429 with `Retry-After: 7`.
    RateLimited = "rate_limited",
    /// 429 with nothing else.
    RateLimitedBare = "rate_limited_bare",
    /// 429, and waiting does not help.
    BudgetSpent = "budget_spent",
    InternalError = "internal_error",
    /// 502 with a page of HTML.
    BadGateway = "bad_gateway",
    Unavailable = "unavailable",
    /// 529 of Anthropic's.
    Overloaded = "overloaded",
    /// 200 with a page of HTML.
    WrongType = "wrong_type",
    /// 200 with nothing.
    EmptyBody = "empty_body",
    /// 200 that says it is compressed, which nobody asked for.
    Compressed = "compressed",
    /// A chunk whose length is none.
    ChunkGarbage = "chunk_garbage",
    /// Random bytes in place of the body.
    Garbage = "garbage",
    /// White space or comments without end, and nothing else.
    Heartbeats = "heartbeats",
    /// A line without end.
    EndlessLine = "endless_line",
    /// A piece of text of 20 MiB.
    GiantPiece = "giant_piece",
    /// Nothing comes after the head.
    StallsAfterHead = "stalls_after_head",
    /// Nothing comes after the first half.
    StallsInMiddle = "stalls_in_middle",
    /// The connection breaks in the middle of an event.
    CutInMiddle = "cut_in_middle",
    /// The same, and HTTP calls it the end.
    EndsInMiddle = "ends_in_middle",
    /// The body is shorter than its length says.
    LengthLies = "length_lies",
    /// All comes byte by byte, and is right.
    Drips = "drips",
    /// More bytes come behind the end of a right answer.
    MoreAfterEnd = "more_after_end",
    /// A document in the middle that stops halfway.
    BrokenJson = "broken_json",
    /// A document in the middle with a hundred thousand brackets.
    DeepJson = "deep_json",
    /// Bytes in the text that are no UTF-8.
    NoUtf8 = "no_utf8",
    /// An error in the middle, or in place of a choice.
    ErrorInMiddle = "error_in_middle",
    /// The end is said twice.
    TwoFinishes = "two_finishes",
    /// Text after the end.
    TextAfterFinish = "text_after_finish",
    /// The end is never said.
    NoFinish = "no_finish",
    /// The last word does not come, though the end was said.
    NoDone = "no_done",
    NoUsage = "no_usage",
    NegativeUsage = "negative_usage",
    /// 1e30 tokens.
    FractionalUsage = "fractional_usage",
    /// As many tokens as a number can say.
    HugeUsage = "huge_usage",
    /// A tool is called with half a document.
    BrokenCall = "broken_call",
    /// A tool is called that has no name.
    NamelessCall = "nameless_call",
    /// A thousand calls.
    ManyCalls = "many_calls",
}

/// What a fault does to the events of an answer.
pub enum Change {
    NoFinish,
    NoDone,
    TwoFinishes,
    TokenAfterFinish,
    Error,
    CutFrame,
    NoUtf8,
    Insert(Vec<u8>),
}

const FOREVER: usize = usize::MAX;
const HEAD: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n";

impl ProviderFault {
    /// Whether whoever follows the protocol has a whole answer all the same.
    pub fn is_harmless(self, is_streamed: bool) -> bool {
        match self {
            // Of an answer that has no events `NoDone` and `TwoFinishes` change nothing; what a tool is given is looked at by whoever calls it.
            Self::Drips
            | Self::MoreAfterEnd
            | Self::NoUsage
            | Self::HugeUsage
            | Self::NoDone
            | Self::TwoFinishes
            | Self::BrokenCall => true,
            Self::TextAfterFinish => !is_streamed,
            // Bytes of an event stream that are no UTF-8 are replaced; JSON may have none.
            Self::NoUtf8 => is_streamed,
            _ => false,
        }
    }

    /// What is sent in place of an answer.
    pub(super) fn instead(self, is_streamed: bool) -> Option<Vec<Step>> {
        let steps = match self {
            Self::ClosesAtOnce => vec![Step::Close],
            Self::StallsBeforeHead => vec![Step::Hold],
            Self::NoHttp => vec![write("SSH-2.0-OpenSSH_9.6\r\n\0\u{1}\u{2}")],
            Self::HeadCut => vec![write("HTTP/1.1 200 OK\r\ncontent-ty")],
            Self::HeadDrips => {
                let line = "x: y\r\n".repeat(10_000);
                vec![write("HTTP/1.1 200 OK\r\n"), drip(&line), Step::Hold]
            }
            Self::ManyHeaders => {
                let headers: Vec<_> = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
                vec![write(HEAD), write(&headers.concat()), write("\r\n")]
            }
            Self::GiantHeader => {
                let value = "y".repeat(1024 * 1024);
                vec![write(HEAD), write(&format!("x: {value}\r\n\r\n"))]
            }
            Self::InterimAnswers => {
                let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec();
                vec![Step::Repeat(interim, 100_000), Step::Close]
            }
            Self::Compressed => {
                let lines = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
                vec![answer(200, lines, b"\x1f\x8b\x08\0\0\0\0\0\0\x03")]
            }
            Self::ChunkGarbage => {
                vec![begun(is_streamed, "transfer-encoding: chunked\r\n"), write("zz\r\nno\r\n")]
            }
            Self::Garbage => {
                let bytes = (0..=u8::MAX).map(|byte| byte.wrapping_mul(167)).collect();
                vec![begun(is_streamed, ""), Step::Repeat(bytes, 400)]
            }
            Self::Heartbeats => {
                let pause = Duration::from_millis(5);
                let beat = if is_streamed { ": still here\n\n" } else { " \n" };
                vec![begun(is_streamed, ""), Step::Drip(beat.repeat(1_000_000).into(), pause)]
            }
            Self::EndlessLine => {
                let line = vec![b'x'; 64 * 1024];
                let start = if is_streamed { "data: {\"" } else { "{\"" };
                vec![begun(is_streamed, ""), write(start), Step::Repeat(line, FOREVER)]
            }
            Self::StallsAfterHead => vec![begun(is_streamed, ""), Step::Hold],
            Self::EmptyBody => vec![begun(is_streamed, "content-length: 0\r\n")],
            other => vec![other.status()?],
        };
        Some(steps)
    }

    fn status(self) -> Option<Step> {
        let error =
            |name| json!({"type": "error", "error": {"type": name, "message": "upstream words"}});
        let page = "content-type: text/html\r\n";
        Some(match self {
            Self::Redirects => answer(302, "location: /v1/models\r\n", b""),
            Self::NoContent => write("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
            Self::BadRequest => {
                let mut body = error("invalid_request_error");
                body["error"]["message"] = "upstream words ".repeat(300_000).into();
                json(400, &body)
            }
            Self::Unauthorized => json(401, &error("authentication_error")),
            Self::NoSuchModel => json(404, &error("model_not_found")),
            Self::RateLimited => {
                let lines = "retry-after: 7\r\ncontent-type: application/json\r\n";
                answer(429, lines, error("rate_limit_error").to_string().as_bytes())
            }
            Self::RateLimitedBare => answer(429, "", b""),
            Self::BudgetSpent => json(429, &error("insufficient_quota")),
            Self::InternalError => json(500, &error("server_error")),
            Self::BadGateway => answer(502, page, b"<html>upstream words</html>"),
            Self::Unavailable => answer(503, "retry-after: 7\r\n", b""),
            Self::Overloaded => json(529, &error("overloaded_error")),
            Self::WrongType => answer(200, page, b"<html>upstream words</html>"),
            _ => return None,
        })
    }

    /// What becomes of the events.
    pub(super) fn change(self) -> Option<Change> {
        Some(match self {
            Self::BrokenJson => Change::CutFrame,
            Self::DeepJson => Change::Insert(
                format!("data: {{\"choices\":{}\n\n", "[".repeat(100_000)).into_bytes(),
            ),
            Self::NoUtf8 => Change::NoUtf8,
            Self::ErrorInMiddle => Change::Error,
            Self::TwoFinishes => Change::TwoFinishes,
            Self::TextAfterFinish => Change::TokenAfterFinish,
            Self::NoFinish => Change::NoFinish,
            Self::NoDone => Change::NoDone,
            _ => return None,
        })
    }

    /// What follows half of the answer in place of the rest.
    pub(super) fn end(self) -> Option<Vec<Step>> {
        match self {
            Self::StallsInMiddle => Some(vec![Step::Hold]),
            Self::CutInMiddle | Self::EndsInMiddle => Some(vec![Step::Close]),
            _ => None,
        }
    }
}

fn write(text: &str) -> Step {
    Step::Write(text.into())
}

fn drip(text: &str) -> Step {
    Step::Drip(text.into(), Duration::from_millis(50))
}

/// The head of an answer, with lines of its own.
fn begun(is_streamed: bool, lines: &str) -> Step {
    let content_type = if is_streamed { "text/event-stream" } else { "application/json" };
    write(&format!("{HEAD}content-type: {content_type}\r\n{lines}\r\n"))
}
