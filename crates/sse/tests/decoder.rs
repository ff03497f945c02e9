//! Streams, and the events in them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and print their seed"
)]

use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use sse::{Decoder, Event, Limits, TooLarge};

const LIMITS: Limits = Limits { line_bytes_max: 64, event_bytes_max: 100, total_bytes_max: 1000 };

/// All events of a stream that comes in these pieces.
fn events<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: Limits,
) -> Result<Vec<Event>, TooLarge> {
    let mut decoder = Decoder::new(limits);
    let mut events = Vec::new();
    for piece in pieces {
        let mut bytes = Bytes::copy_from_slice(piece);
        while let Some(event) = decoder.read(&mut bytes)? {
            events.push(event);
        }
        assert!(bytes.is_empty(), "all bytes are taken");
    }
    Ok(events)
}

fn pairs(stream: &[u8]) -> Vec<(String, String)> {
    let events = events([stream], LIMITS).unwrap();
    events.into_iter().map(|event| (event.name, event.data)).collect()
}

#[test]
fn what_is_too_large_is_refused_and_the_limit_itself_is_not() {
    let line = |bytes: usize| format!("data:{}\n\n", "x".repeat(bytes - 5));
    assert_eq!(events([line(64).as_bytes()], LIMITS).unwrap()[0].data.len(), 59);
    assert_eq!(events([line(65).as_bytes()], LIMITS), Err(TooLarge));
    let event = |bytes: usize| format!("data:{}\ndata:{}\n\n", "x".repeat(50), "x".repeat(bytes));
    assert_eq!(events([event(49).as_bytes()], LIMITS).unwrap()[0].data.len(), 100);
    assert_eq!(events([event(50).as_bytes()], LIMITS), Err(TooLarge));
    let named = format!("event:{}\n{}", "n".repeat(50), line(56));
    assert_eq!(events([named.as_bytes()], LIMITS), Err(TooLarge));
    let comments = ":\n".repeat(500);
    assert_eq!(events([comments.as_bytes()], LIMITS), Ok(Vec::new()));
    assert_eq!(events([comments.as_bytes(), b"\n"], LIMITS), Err(TooLarge));
    // A line without an end is refused before it has one.
    assert_eq!(events([&[b'x'; 65][..]], LIMITS), Err(TooLarge));
    // What replaces bytes that are no UTF-8 counts as what it is.
    let replaced = [b"data:", &[0xFF; 40][..], b"\n\n"].concat();
    assert_eq!(events([&replaced[..]], LIMITS), Err(TooLarge));
}

#[test]
fn events_are_what_the_standard_says() {
    for (stream, expected) in [
        ("", &[][..]),
        ("data: cut off\n", &[]),
        ("\n\n\n", &[]),
        (": comment\n\n", &[]),
        ("event: alone\n\ndata: a\n\n", &[("message", "a")]),
        ("data\n\n", &[("message", "")]),
        ("data\ndata\n\n", &[("message", "\n")]),
        ("data:\n\n", &[("message", "")]),
        ("data:a\ndata: b\ndata:  c\n\n", &[("message", "a\nb\n c")]),
        ("data: YHOO\ndata: +2\ndata: 10\n\n", &[("message", "YHOO\n+2\n10")]),
        ("event:n\nevent:m\ndata:a\n\n", &[("m", "a")]),
        ("event: n\ndata: a\n\ndata: b\n\n", &[("n", "a"), ("message", "b")]),
        ("id: 1\nretry: 5\ndataa: x\n data: y\nData: z\ndata: a:b\n\n", &[("message", "a:b")]),
        ("data: a\r\ndata: b\rdata: c\n\r\n", &[("message", "a\nb\nc")]),
        ("data: a\r\rdata: b\r\n\r\n", &[("message", "a"), ("message", "b")]),
        ("data: a\n\r\n\rdata: b\n\n", &[("message", "a"), ("message", "b")]),
        ("\u{FEFF}data: a\n\n", &[("message", "a")]),
        ("\u{FEFF}\u{FEFF}data: a\n\n", &[]),
        ("data: a\n\n\u{FEFF}data: b\n\n", &[("message", "a")]),
        ("data: \u{FEFF}\u{2028}\u{85}\u{0}\n\n", &[("message", "\u{FEFF}\u{2028}\u{85}\u{0}")]),
    ] {
        let expected: Vec<_> =
            expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
        assert_eq!(pairs(stream.as_bytes()), expected, "{stream:?}");
    }
    assert_eq!(pairs(b"data: a\xFFb\xE2\x82\n\n")[0].1, "a\u{FFFD}b\u{FFFD}");
}

/// Numbers that look random (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// A stream of the parts that matter, and its pieces at arbitrary cuts, some of them empty.
fn stream(numbers: &mut Numbers) -> Vec<u8> {
    const PARTS: [&[u8]; 16] = [
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"data",
        b"data:",
        b"data: ",
        b"event: e",
        b":",
        b" ",
        b"x",
        b"id: 1",
        b"\xEF\xBB\xBF",
        b"\xE2\x82",
        b"\xFF",
        b"\0",
    ];
    (0..numbers.below(40)).flat_map(|_| PARTS[numbers.below(PARTS.len())]).copied().collect()
}

#[test]
fn any_cut_of_the_bytes_gives_the_same_events() {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let mut numbers = Numbers(seed);
    let mut seen = 0;
    for _ in 0..3000 {
        let stream = stream(&mut numbers);
        let whole = events([&stream[..]], LIMITS);
        seen += whole.as_ref().map_or(0, Vec::len);
        let bytes: Vec<_> = stream.chunks(1).collect();
        assert_eq!(events(bytes, LIMITS), whole, "seed {seed}: {stream:?}");
        for cut in 0..=stream.len() {
            let (left, right) = stream.split_at(cut);
            assert_eq!(events([left, right], LIMITS), whole, "seed {seed}, {cut}: {stream:?}");
        }
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(numbers.below(rest.len() + 1));
            pieces.push(piece);
            rest = tail;
        }
        assert_eq!(events(pieces, LIMITS), whole, "seed {seed}: {stream:?}");
    }
    assert!(500 < seen, "the streams have events: {seen}");
}
