//! An embedded database engine on libSQL: one writer with group commit, several readers, durable before it answers.
