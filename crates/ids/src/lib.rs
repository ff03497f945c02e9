//! TypeID newtypes: prefixed, time-ordered identifiers, parsed at the edge.
