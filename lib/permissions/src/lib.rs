//! Rules over calls: what a mode allows, denies or asks. It knows no file, clock or terminal.
