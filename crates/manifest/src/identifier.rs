//! The spelling rules for names, as Spin's `kebab-case` and `snake_case` ids.

/// Component ids and plain dependency names: words joined by `-`.
pub(crate) fn check_kebab(name: &str) -> Result<(), String> {
    check(name, '-', false)
}

/// Variable names: lower-case words joined by `_`.
pub(crate) fn check_lower_snake(name: &str) -> Result<(), String> {
    check(name, '_', true)
}

/// Labels of databases and stores: words joined by either `-` or `_`.
pub(crate) fn check_label(name: &str) -> Result<(), String> {
    check(name, if name.contains('_') { '_' } else { '-' }, false)
}

fn check(name: &str, delimiter: char, lower: bool) -> Result<(), String> {
    let fault = name.split(delimiter).find_map(|word| word_fault(word, lower));
    match fault {
        None => Ok(()),
        Some(fault) => Err(format!(
            "`{name}` is not a valid name because {fault}; join words that start with a letter by `{delimiter}`"
        )),
    }
}

fn word_fault(word: &str, lower: bool) -> Option<String> {
    let Some(first) = word.chars().next() else {
        return Some("it has an empty word".to_owned());
    };
    if !first.is_ascii_alphabetic() {
        return Some(format!("a word starts with `{first}`"));
    }
    if let Some(other) = word.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Some(format!("it contains `{other}`"));
    }
    let upper = first.is_ascii_uppercase();
    if lower && word.chars().any(|c| c.is_ascii_uppercase()) {
        return Some("it has capital letters".to_owned());
    }
    let mixed = word.chars().any(|c| c.is_ascii_alphabetic() && c.is_ascii_uppercase() != upper);
    mixed.then(|| format!("the word `{word}` mixes capital and small letters"))
}
