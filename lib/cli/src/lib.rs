//! Arguments, exit codes, variables and the table of the suite. It starts nothing.
