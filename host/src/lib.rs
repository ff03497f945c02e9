//! A runtime that serves any Spin manifest on wasmtime in one process.
