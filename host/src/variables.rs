//! `spin:variables@3.0.0` for guests: the variables that the manifest gives to their component.

use wasmtime::component::{Accessor, HasData, Linker};

use self::bindings::spin::variables::variables::{self, Error};
use crate::state::State;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/deps/spin-variables@3.0.0",
        inline: "
            package host:variables;
            world imports { import spin:variables/variables@3.0.0; }
        ",
    });
}

/// Names the capability for the linker; the data of its functions is the whole [`State`].
struct Variables;

impl HasData for Variables {
    type Data<'a> = &'a mut State;
}

impl variables::Host for &mut State {}

impl<T: Send> variables::HostWithStore<T> for Variables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        if !is_valid_name(&name) {
            return Err(Error::InvalidName(format!(
                "{name:?} is not a variable name: use lower-case letters, digits and single underscores, beginning with a letter"
            )));
        }
        let value = accessor.with(|mut access| {
            access.get().grants.variables.get(&name).map(|value| value.as_str().to_owned())
        });
        value.ok_or_else(|| Error::Undefined(format!("no variable {name:?} for this component")))
    }
}

/// Makes the interface available to guests.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    variables::add_to_linker::<State, Variables>(linker, |state| state)
}

/// Spin's rule for names (`spin_expressions::Key`): words of lower-case letters and digits joined by single underscores,
/// the first beginning with a letter.
fn is_valid_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && !name.ends_with('_')
        && !name.contains("__")
}

#[cfg(test)]
mod tests {
    use super::is_valid_name;

    #[test]
    fn names_follow_the_rule_of_spin() {
        for name in ["a", "master_key", "key2", "a_1"] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "ä"] {
            assert!(!is_valid_name(name), "{name}");
        }
    }
}
