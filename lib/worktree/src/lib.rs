//! A session's own git worktree and branch. Git is read and written with a pristine configuration only.
