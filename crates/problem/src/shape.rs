//! The shape of a JSON text, checked before it is parsed: cheap, without recursion, and without memory that grows with the text.

/// How deep arrays and objects may lie in one another.
pub(crate) const DEPTH_MAX: usize = 64;

/// How many elements one array may have.
pub(crate) const ARRAY_ELEMENTS_MAX: u32 = 10_000;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ShapeError {
    TooDeep,
    ArrayTooLong,
}

/// Refuses texts that are nested too deeply or hold an array that is too long. It does not look for any other mistake: the parser does.
pub(crate) fn check(text: &[u8]) -> Result<(), ShapeError> {
    // For each open bracket the number of commas directly in it; objects count too, and are never too long.
    let mut commas = [0_u32; DEPTH_MAX];
    let mut is_array = [false; DEPTH_MAX];
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                let (Some(count), Some(array)) = (commas.get_mut(depth), is_array.get_mut(depth))
                else {
                    return Err(ShapeError::TooDeep);
                };
                *count = 0;
                *array = byte == b'[';
                depth += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => {
                let level = depth.wrapping_sub(1);
                if let (Some(count), Some(true)) = (commas.get_mut(level), is_array.get(level)) {
                    *count += 1;
                    if ARRAY_ELEMENTS_MAX <= *count {
                        return Err(ShapeError::ArrayTooLong);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn nesting_one_past_the_limit_is_refused() {
        assert_eq!(check(nested(DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(check(nested(DEPTH_MAX + 1).as_bytes()), Err(ShapeError::TooDeep));
        assert_eq!(check(nested(100_000).as_bytes()), Err(ShapeError::TooDeep));
        let objects = r#"{"a":"#.repeat(DEPTH_MAX + 1);
        assert_eq!(check(objects.as_bytes()), Err(ShapeError::TooDeep));
    }

    #[test]
    fn an_array_one_past_the_limit_is_refused_wherever_it_stands() {
        let array = |elements: usize| format!("{{\"a\":[[],[{}0]]}}", "0,".repeat(elements - 1));
        assert_eq!(check(array(10_000).as_bytes()), Ok(()));
        assert_eq!(check(array(10_001).as_bytes()), Err(ShapeError::ArrayTooLong));
    }

    #[test]
    fn what_stands_in_strings_and_in_objects_does_not_count() {
        let brackets = format!("\"{}\\\"{}\"", "[".repeat(100), "{".repeat(100));
        assert_eq!(check(brackets.as_bytes()), Ok(()));
        let members = format!("{{{}}}", vec![r#""a":0"#; 20_000].join(","));
        assert_eq!(check(members.as_bytes()), Ok(()));
        assert_eq!(check(b"]]]],,,,"), Ok(()));
    }
}
