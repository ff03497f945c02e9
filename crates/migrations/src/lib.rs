//! The schema as numbered migrations, and how they are applied and taken back.
