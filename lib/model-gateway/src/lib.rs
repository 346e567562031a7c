//! Providers behind one normalised stream. The only room that knows a wire format or a key.
