//! The log of a component: one JSON object per line on standard error, which the host collects.

use std::fmt;
use std::io::Write as _;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::Clock;

/// Sends events of level info and above to standard error. Calls after the first do nothing.
///
/// Spans carry nothing here: what a line needs is a field of its event.
pub fn to_standard_error(clock: Clock) {
    // It fails only when a subscriber is set already, which is then the one to keep.
    drop(tracing::subscriber::set_global_default(Lines { clock }));
}

struct Lines {
    clock: Clock,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let line = line(&self.clock.now().to_string(), event);
        // One write per line keeps lines whole; a log that cannot be written must not end the request.
        drop(std::io::stderr().write_all(line.as_bytes()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn line(time: &str, event: &Event<'_>) -> String {
    let mut fields = Fields(Map::new());
    fields.0.insert("time".to_owned(), time.into());
    fields.0.insert("level".to_owned(), event.metadata().level().as_str().into());
    event.record(&mut fields);
    // serde_json escapes control characters, so that no value can forge a line.
    format!("{}\n", Value::Object(fields.0))
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the lines instead of writing them.
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(line("T", event));
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_event_is_one_line_whatever_its_values_hold() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Kept(Arc::clone(&lines)), || {
            tracing::warn!(request_id = "a\r\nb\u{1b}[0m\0\"", attempt = 3, "it failed");
        });
        let lines = lines.lock().unwrap();
        assert_eq!(
            lines.as_slice(),
            [concat!(
                r#"{"attempt":3,"level":"WARN","message":"it failed","#,
                r#""request_id":"a\r\nb\u001b[0m\u0000\"","time":"T"}"#,
                "\n"
            )]
        );
    }
}
