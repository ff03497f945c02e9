//! Days, periods and prices.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::UnixMillis;
use usage::{Cost, Day, Micros, Period, PriceTable, estimated_tokens};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[test]
fn what_is_no_day_is_refused() {
    for text in ["", "2026-13-01", "2026-02-29", "tomorrow", "2026-11-22T00:00:00Z", "22.11.2026"] {
        assert!(text.parse::<Day>().is_err(), "{text}");
    }
    for text in ["", "Day", "year", "30d"] {
        assert!(text.parse::<Period>().is_err(), "{text}");
    }
}

#[test]
fn periods_begin_at_midnight_on_mondays_and_with_months() {
    for (today, period, first, next) in [
        ("1970-01-01", Period::Day, "1970-01-01", "1970-01-02"),
        ("1970-01-01", Period::Week, "1969-12-29", "1970-01-05"),
        ("2026-11-22", Period::Week, "2026-11-16", "2026-11-23"),
        ("2026-11-23", Period::Week, "2026-11-23", "2026-11-30"),
        ("2026-11-22", Period::Month, "2026-11-01", "2026-12-01"),
        ("2026-12-31", Period::Month, "2026-12-01", "2027-01-01"),
        ("2024-02-29", Period::Month, "2024-02-01", "2024-03-01"),
    ] {
        let today = day(today);
        assert_eq!((period.first(today), period.next(today)), (day(first), day(next)), "{today}");
    }
    for (milliseconds, expected) in [
        (-1, "1969-12-31"),
        (0, "1970-01-01"),
        (86_399_999, "1970-01-01"),
        (86_400_000, "1970-01-02"),
        (1_795_305_600_000, "2026-11-22"),
    ] {
        let moment = UnixMillis(milliseconds);
        assert_eq!(Day::of(moment), day(expected));
        assert_eq!(Day::from_number(day(expected).number()), day(expected));
        assert!(day(expected).start() <= moment);
    }
    assert_eq!(Day::from_number(i64::MAX), Day::MAX);
}

#[test]
fn what_nobody_knows_the_price_of_has_no_cost() {
    let prices = PriceTable::current().unwrap();
    for (provider, model, on) in [
        ("openai", "gpt-4o", "2024-05-12"),
        ("openai", "gpt-4o-mini-audio", "2026-01-01"),
        ("openai", "gpt-4o-2024", "2026-01-01"),
        ("openai", "", "2026-01-01"),
        ("openai", "-20240806", "2026-01-01"),
        ("ollama", "gpt-4o", "2026-01-01"),
        ("openai-compatible", "gpt-4o", "2026-01-01"),
        ("openai", "é-2024-08-06", "2026-01-01"),
    ] {
        assert_eq!(prices.cost(provider, model, day(on), 1, 1), None, "{provider} {model} {on}");
    }
}

#[test]
fn costs_are_those_of_their_day_in_whole_millionths() {
    let prices = PriceTable::current().unwrap();
    for (provider, model, on, input, output, micros) in [
        ("openai", "gpt-4o", "2024-05-13", 1_000_000, 1_000_000, 20_000_000),
        ("openai", "gpt-4o", "2024-10-02", 1_000_000, 1_000_000, 12_500_000),
        ("openai", "gpt-4o-2024-11-20", "2026-11-22", 1000, 100, 3500),
        ("openai", "gpt-4.1-2025-04-14", "2026-11-22", 1, 1, 10),
        ("openai", "o3-2025-04-16", "2026-11-22", 1, 0, 2),
        ("openai", "gpt-4o-mini", "2026-11-22", 3, 0, 0),
        ("openai", "gpt-4o-mini", "2026-11-22", 4, 0, 1),
        ("anthropic", "claude-opus-4-20250514", "2026-11-22", 1, 1, 90),
        ("anthropic", "claude-3-5-sonnet-20241022", "2026-11-22", 1, 1, 18),
        ("anthropic", "claude-3-5-haiku-latest", "2026-11-22", 10, 0, 8),
        ("openai", "o1", "2026-11-22", u32::MAX, u32::MAX, 322_122_547_125),
        ("gemini", "gemini-2.0-flash", "2026-11-22", 0, 0, 0),
    ] {
        let cost = prices.cost(provider, model, day(on), input, output);
        let expected = Cost { micros: Micros(micros), price_version: 1 };
        assert_eq!(cost, Some(expected), "{model} {on}");
    }
    for (micros, text) in [(0, "0.000000"), (7, "0.000007"), (12_500_000, "12.500000")] {
        assert_eq!(serde_json::to_string(&Micros(micros)).unwrap(), text);
    }
}

#[test]
fn an_estimate_is_rather_too_large() {
    for (bytes, tokens) in [(0, 0), (1, 1), (3, 1), (4, 2), (usize::MAX, u32::MAX)] {
        assert_eq!(estimated_tokens(bytes), tokens);
    }
}
