//! What a confined process may reach: namespaces, Landlock, seccomp. It knows no tool and no event.
