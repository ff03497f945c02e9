//! Who is asking: the extractor that authenticates and authorizes a request.
