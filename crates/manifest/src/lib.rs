//! Spin manifests and runtime configuration: typed, checked, and refused with file, line and field.
