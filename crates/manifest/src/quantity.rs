//! Durations and sizes as people write them.

use std::time::Duration;

/// `"500ms"`, `"30s"`, `"5m"`, `"1h"`; whole numbers, more than zero.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// `"128MiB"`, `"64KiB"`, `"1GiB"`, `"512B"`: a number of bytes, more than zero.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let number = text.get(..unit)?.parse().ok().filter(|number| *number != 0)?;
    Some((number, text.get(unit..)?.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_whole_number_and_a_unit() {
        for (text, milliseconds) in
            [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("2 s", 2_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "1d",
            "1S",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_a_whole_number_and_a_binary_unit() {
        for (text, bytes) in
            [("512B", 512), ("64KiB", 65_536), ("128MiB", 134_217_728), ("2GiB", 2_147_483_648)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "1", "MiB", "0MiB", "1MB", "1mib", "1.5GiB", "18446744073709551615KiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
