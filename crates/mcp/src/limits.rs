use std::time::Duration;

use egress::StreamLimits;

/// What a server may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest time for connecting, for a list with all its pages, and for a call.
    pub request: Duration,
    /// How long the stream of the older transport may live.
    pub session: Duration,
    /// The largest message, in bytes.
    pub message_bytes_max: usize,
    /// The largest answer with all that is sent before it, in bytes.
    pub answer_bytes_max: usize,
    /// How many messages may come before the answer.
    pub messages_max: usize,
    /// How many requests of the server's own are answered while an answer is awaited.
    pub replies_max: usize,
    /// How many pages a list of tools may have.
    pub pages_max: usize,
    /// How many tools a list may have.
    pub tools_max: usize,
    /// How much text the tools of a list may have: names, descriptions and schemas, in bytes.
    pub tools_bytes_max: usize,
}

impl Default for Limits {
    /// Half a minute for a request, one MiB for a message (SECURITY R71), 256 tools in one MiB.
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            session: Duration::from_mins(10),
            message_bytes_max: 1024 * 1024,
            answer_bytes_max: 4 * 1024 * 1024,
            messages_max: 1000,
            replies_max: 16,
            pages_max: 32,
            tools_max: 256,
            tools_bytes_max: 1024 * 1024,
        }
    }
}

impl Limits {
    /// Those of one exchange over HTTP.
    pub(crate) fn exchange(&self) -> StreamLimits {
        StreamLimits {
            head: self.request,
            idle: self.request,
            total: self.request,
            body_bytes_max: self.answer_bytes_max,
        }
    }

    /// Those of the stream that the older transport reads all answers from. It may be silent while nobody asks anything.
    pub(crate) fn session(&self) -> StreamLimits {
        StreamLimits {
            head: self.request,
            idle: self.session,
            total: self.session,
            body_bytes_max: usize::MAX,
        }
    }
}
