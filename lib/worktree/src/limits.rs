//! Everything in this room that could grow, and where it ends.

/// Bytes a single object may claim to have when unpacked; a damaged or hostile pack is refused above it.
pub const OBJECT_BYTES: u64 = 1 << 30;
/// First-parent steps walked in search of the first commit.
pub const ROOT_STEPS: usize = 200_000;
/// Commits counted as "ahead" before the count stops.
pub const AHEAD: usize = 10_000;
/// Bytes of a branch's own part, after `ace/`.
pub const NAME_BYTES: usize = 60;
/// Branches with the same stem tried (`-2`, `-3`, …) before giving up.
pub const NAME_TRIES: u32 = 10_000;
/// Changed or new paths one look at a work tree may find.
pub const PATHS: usize = 200_000;
/// Bytes of one new or changed file that is committed or carried.
pub const FILE_BYTES: u64 = 1 << 30;
/// Bytes carried along into a new worktree.
pub const CARRY_BYTES: u64 = 4 << 30;
/// Files in one diff.
pub const DIFF_FILES: usize = 5_000;
/// Bytes of one side of a file for which lines are still compared.
pub const DIFF_FILE_BYTES: u64 = 4 << 20;
/// Bytes of the text of one diff.
pub const PATCH_BYTES: usize = 32 << 20;
/// Bytes kept of what the `git` program says.
pub const GIT_SAYS_BYTES: u64 = 1 << 20;
/// Paths named in an error.
pub const NAMED_PATHS: usize = 100;
/// Bytes read of a `.git` file, `gitdir`, `commondir` or our own note.
pub const POINTER_BYTES: u64 = 16 << 10;
/// Files and folders counted for the disk use of one worktree.
pub const DISK_ENTRIES: usize = 2_000_000;
/// Folders within folders followed when counting disk use.
pub const DISK_DEPTH: usize = 256;
/// How long to wait for another `create` in the same repository to choose its branch.
pub const TURN: std::time::Duration = std::time::Duration::from_secs(10);
/// Bytes of all changed files that one diff holds in memory.
pub const DIFF_TOTAL_BYTES: u64 = 256 << 20;
/// Lines of what the `git` program says that an error repeats.
pub const GIT_SAYS_LINES: usize = 8;
