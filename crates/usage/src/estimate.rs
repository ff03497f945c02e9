/// About how many bytes of text are a token, on the short side: code and languages other than English have fewer.
const BYTES_PER_TOKEN: usize = 3;

/// About how many bytes of text are a token, where nobody is to pay for too many.
const BYTES_PER_LIKELY_TOKEN: usize = 4;

/// How many tokens a text has at most, nearly always. Whoever reserves takes too many rather than too few; the provider says how many there were.
pub fn estimated_tokens(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
}

/// How many tokens a text has, as near as can be known: what the ledger says where the provider did not.
pub fn likely_tokens(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_LIKELY_TOKEN)).unwrap_or(u32::MAX)
}
