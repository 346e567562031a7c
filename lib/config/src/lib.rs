//! Layers of TOML into one checked configuration. It reads no file: texts and names come in.
