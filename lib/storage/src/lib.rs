//! The keeper: the append-only log, its bell, pens and blobs. It knows no turn, model or terminal.
