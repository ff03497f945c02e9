//! One database type for components, tests and the command line: single statements and atomic batches.
