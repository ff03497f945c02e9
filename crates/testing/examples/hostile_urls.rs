//! Prints all hostile URLs as a JSON array, for tests that are not in Rust.
#![expect(clippy::print_stdout, reason = "it is what the program is for")]

fn main() {
    println!("{}", serde_json::json!(testing::hostile_urls()));
}
