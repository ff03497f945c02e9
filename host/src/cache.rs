//! Components compiled ahead of time, kept on disk.

use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::directory;
use crate::error::HostError;

/// A directory of compiled components.
///
/// An entry is native code that is run as it is found, so the directory must be ours alone, and each entry stands beside
/// the digest of its bytes: what a crash or a full disk left behind is compiled again.
pub struct Cache {
    directory: PathBuf,
    compatibility: String,
}

impl Cache {
    /// Opens the cache in `directory`, for code that `engine` can run.
    pub fn open(directory: &Path, engine: &Engine) -> Result<Self, HostError> {
        directory::own(directory)?;
        let mut hasher = DigestHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = hex(hasher.0).split_at(16).0.to_owned();
        Ok(Self { directory: directory.to_owned(), compatibility })
    }

    /// The component `wasm`, from the cache when it holds it; `compiling` is called when it does not.
    pub fn load(
        &self,
        engine: &Engine,
        wasm: &[u8],
        compiling: impl FnOnce(),
    ) -> wasmtime::Result<Component> {
        let path = self.path(wasm);
        if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        compiling();
        let code = engine.precompile_component(wasm)?;
        let stored = directory::write_atomically(&digest_path(&path), digest(&code).as_bytes())
            .and_then(|()| directory::write_atomically(&path, &code));
        if let Err(error) = stored {
            tracing::warn!(path = %path.display(), "a compiled component cannot be kept: {error}");
        } else if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        deserialize(engine, &code)
    }

    fn path(&self, wasm: &[u8]) -> PathBuf {
        self.directory.join(format!("{}-{}.cwasm", digest(wasm), self.compatibility))
    }
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let expected = fs::read_to_string(digest_path(path)).ok()?;
    let code = fs::read(path).ok()?;
    if digest(&code) != expected {
        tracing::warn!(path = %path.display(), "a compiled component is damaged and will be compiled again");
        return None;
    }
    deserialize_file(engine, path).ok()
}

/// Maps the file instead of reading it, so that instances share its pages.
#[expect(unsafe_code, reason = "the only way to load code that was compiled ahead of time")]
fn deserialize_file(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file lies in a directory that only this user can write to (`directory::own`), was written by
    // `Cache::load` as the output of `precompile_component`, and has just been compared with its digest.
    unsafe { Component::deserialize_file(engine, path) }
}

#[expect(unsafe_code, reason = "the only way to load code that was compiled ahead of time")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is the output of `precompile_component` of the same engine, and has not left this process.
    unsafe { Component::deserialize(engine, code) }
}

fn digest_path(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

fn digest(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn hex(digest: Sha256) -> String {
    let mut text = String::new();
    for byte in digest.finalize() {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}

/// Lets [`Hash`] feed a digest, whose value, unlike that of the standard hasher, may be written to disk.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime;

    /// The header of an empty component.
    const WASM: &[u8] = b"\0asm\x0d\0\x01\0";

    fn load(cache: &Cache, engine: &Engine) -> bool {
        let mut compiled = false;
        cache.load(engine, WASM, || compiled = true).unwrap();
        compiled
    }

    #[test]
    fn a_component_is_compiled_once_and_again_when_its_entry_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let engine = runtime::engine().unwrap();
        let cache = Cache::open(&directory.path().join("cache"), &engine).unwrap();
        assert!(load(&cache, &engine));
        assert!(!load(&cache, &engine));
        let path = cache.path(WASM);
        let mut code = fs::read(&path).unwrap();
        let last = code.last_mut().unwrap();
        *last ^= 1;
        fs::write(&path, &code).unwrap();
        assert!(load(&cache, &engine));
        assert!(!load(&cache, &engine));
        fs::remove_file(digest_path(&path)).unwrap();
        assert!(load(&cache, &engine));
    }
}
