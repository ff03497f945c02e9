//! By which names models know tools.

use std::collections::BTreeSet;

/// How long a name may be, and what it may have in it: what all providers take.
const NAME_CHARS_MAX: usize = 64;

/// A name for a tool of a server that is no other's. The same tools in the same order get the same names.
pub fn name(server: &str, tool: &str, taken: &mut BTreeSet<String>) -> String {
    let base: String = [plain(server), plain(tool)].join("__");
    let mut number = 1_u32;
    loop {
        let tail = if number == 1 { String::new() } else { format!("_{number}") };
        // Plain names are ASCII.
        let kept = base.len().min(NAME_CHARS_MAX - tail.len());
        let name = format!("{}{tail}", base.get(..kept).unwrap_or_default());
        if taken.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}

fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_short_and_differ() {
        let mut taken = BTreeSet::new();
        assert_eq!(name("My server", "get.it", &mut taken), "My_server__get_it");
        assert_eq!(name("My_server", "get_it", &mut taken), "My_server__get_it_2");
        let long = "ä".repeat(100);
        let first = name(&long, "t", &mut taken);
        let second = name(&long, "t", &mut taken);
        assert_eq!((first.len(), second.len()), (64, 64));
        assert_ne!(first, second);
    }
}
