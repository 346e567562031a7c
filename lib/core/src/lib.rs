//! The fold and what is due. Pure functions over recorded lines; it knows no provider, terminal, file or clock.
