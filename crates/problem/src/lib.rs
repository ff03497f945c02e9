//! RFC 9457 problem details: the registry of kinds and extractors that reject with one.
