//! The selvage command line.
