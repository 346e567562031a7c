//! The filter loop: lines in, drafts out, the six laws kept. It knows no event's meaning beyond its envelope.
