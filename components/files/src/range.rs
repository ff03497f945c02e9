//! Which bytes of a file a request asks for (RFC 9110 section 14).

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// How many ranges one request gets; whoever asks for more gets all of it.
const RANGES_MAX: usize = 16;

/// What to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// 200: no range was asked for, or none that is understood.
    Whole,
    /// 206: one or more ranges that do not overlap, in the order in which they were asked for. None is empty.
    Ranges(Vec<Range<u64>>),
    /// 416: none of the ranges is there.
    Unsatisfiable,
}

/// What the headers select of a representation with this size and entity tag.
pub fn select(headers: &HeaderMap, size: u64, tag: &str) -> Selection {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Selection::Whole };
    // Section 13.1.5: compared strongly. We give no date, so none can be meant.
    let is_current =
        headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == tag.as_bytes());
    let ranges = value.to_str().ok().filter(|_| is_current).and_then(|text| parse(text, size));
    match ranges {
        None => Selection::Whole,
        Some(ranges) if ranges.is_empty() => Selection::Unsatisfiable,
        Some(ranges) if overlap(&ranges) => Selection::Whole,
        Some(ranges) => Selection::Ranges(ranges),
    }
}

/// Whether what the client has is what there is (section 13.1.2: compared weakly).
pub fn is_not_modified(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(
        |text| {
            text.split(',')
                .map(str::trim)
                .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
        },
    )
}

/// The ranges that are there; `None` when the text is not understood or has too many.
fn parse(text: &str, size: u64) -> Option<Vec<Range<u64>>> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || RANGES_MAX < set.split(',').count() {
        return None;
    }
    let mut ranges = Vec::new();
    for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        let (first, last) = spec.split_once('-')?;
        let range = match (first.trim(), last.trim()) {
            ("", "") => return None,
            ("", length) => size.saturating_sub(number(length)?)..size,
            (first, "") => number(first)?..size,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..last.saturating_add(1).min(size)
            }
        };
        if range.start < range.end {
            ranges.push(range);
        }
    }
    Some(ranges)
}

/// A number too large to be counted lies behind every file's end.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Ranges that overlap would make the answer longer than the file.
fn overlap(ranges: &[Range<u64>]) -> bool {
    let mut sorted: Vec<_> = ranges.iter().collect();
    sorted.sort_by_key(|range| range.start);
    sorted.iter().zip(sorted.iter().skip(1)).any(|(one, next)| next.start < one.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn check(range: &str, expected: &Selection) {
        assert_eq!(&select(&headers(&[(header::RANGE, range)]), 10, TAG), expected, "{range}");
    }

    #[test]
    fn what_is_not_understood_gets_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=+1-2",
            "items=0-1",
            "bytes=0-1-2",
            "bytes=0-5,3-7",
            "bytes=-5,-4",
            "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16",
        ] {
            check(range, &Selection::Whole);
        }
        assert_eq!(select(&HeaderMap::new(), 10, TAG), Selection::Whole);
    }

    #[test]
    fn what_lies_behind_the_end_is_not_there() {
        for range in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=99999999999999999999-",
            "bytes=",
            "bytes=,",
        ] {
            check(range, &Selection::Unsatisfiable);
        }
        let empty = select(&headers(&[(header::RANGE, "bytes=0-")]), 0, TAG);
        assert_eq!(empty, Selection::Unsatisfiable);
    }

    #[test]
    fn ranges_are_cut_at_the_end() {
        let range = |start, end| Selection::Ranges(std::iter::once(start..end).collect());
        check("bytes=0-0", &range(0, 1));
        check("BYTES=2-", &range(2, 10));
        check("bytes=-3", &range(7, 10));
        check("bytes=-99", &range(0, 10));
        check("bytes=5-99999999999999999999", &range(5, 10));
        check("bytes=8-8, 0-1 , 20-", &Selection::Ranges(vec![8..9, 0..2]));
    }

    #[test]
    fn a_range_is_of_the_version_that_the_client_has() {
        let select = |tag: &str| {
            select(&headers(&[(header::RANGE, "bytes=0-0"), (header::IF_RANGE, tag)]), 10, TAG)
        };
        assert_eq!(select(TAG), Selection::Ranges(std::iter::once(0..1).collect()));
        for tag in ["\"other\"", "W/\"abc\"", "Sun, 22 Nov 2026 00:00:00 GMT", ""] {
            assert_eq!(select(tag), Selection::Whole, "{tag}");
        }
    }

    #[test]
    fn a_version_is_recognized_among_others() {
        let known = |tags: &str| is_not_modified(&headers(&[(header::IF_NONE_MATCH, tags)]), TAG);
        for tags in ["\"abc\"", "W/\"abc\"", "*", "\"x\", \"abc\""] {
            assert!(known(tags), "{tags}");
        }
        for tags in ["", "\"x\"", "abc"] {
            assert!(!known(tags), "{tags}");
        }
    }
}
