//! Turns `migrations/*.sql` into the static list that the library embeds.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/source.rs"]
mod source;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    println!("cargo::rerun-if-changed={}", directory.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/source.rs");

    let sources = match source::read(&directory) {
        Ok(sources) => sources,
        Err(error) => {
            println!("cargo::error={error}");
            return Ok(());
        }
    };
    let mut list = String::from("&[\n");
    for source in &sources {
        let source::Source { version, name, up, down, checksum } = source;
        writeln!(
            list,
            "Migration {{ version: {version}, name: {name:?}, checksum: {checksum:?}, up: &{up:?}, down: &{down:?} }},"
        )?;
    }
    list.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    fs::write(PathBuf::from(out).join("migrations.rs"), list)?;
    Ok(())
}
