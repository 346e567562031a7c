//! The local tools: read, write, edit, glob, grep, list, shell. They run inside the sandbox and know no log.
