//! Everything that grows has its limit here, and only here. Units stand in the names or the comments.

/// A recorded line with its LF, bytes. Larger payloads go to blobs.
pub const LINE_BYTES: usize = 64 * 1024;
/// An unfinished line of a stream, bytes: one that is no event may be longer than a record and passes, but its end must come.
pub const UNFINISHED_BYTES: usize = 1024 * 1024;
/// What the log may put in front of a draft (`seq`, `ts`, `prev`, `pen`), bytes: a draft must leave this much room.
pub const STAMP_BYTES: usize = 256;
/// Recorded lines on which a filter has nothing to do wait for one on which it has: so long, ms …
pub const FEED_WAITING_MS: u64 = 20;
/// … and so many bytes.
pub const FEED_WAITING_BYTES: usize = 64 * 1024;
/// Batches after which a program of a session is past its start, and gives back what only that needed.
pub const SETTLED_ROUNDS: u32 = 32;
/// A payload above this goes to a blob, bytes (the rest of the line is envelope and other fields; JSON may double the size by escapes).
pub const INLINE_BYTES: usize = 24 * 1024;
/// One `log.blob` part before base64, bytes.
pub const BLOB_PART_BYTES: usize = 40 * 1024;
/// One blob, bytes.
pub const BLOB_BYTES: u64 = 256 * 1024 * 1024;
/// Sessions forked one from the other that a log is read through.
pub const ANCESTORS: usize = 64;
/// Ways back in one session.
pub const REWINDS: usize = 500;
/// A prompt or other message of a person, bytes (about a million tokens: more fits no model).
pub const PROMPT_BYTES: usize = 4 * 1024 * 1024;
/// Pictures of one message or one call's output.
pub const IMAGES: usize = 20;
/// One picture, bytes: the vendors take 5 MB after base64.
pub const IMAGE_BYTES: u64 = 3_750_000;
/// All instruction files (AGENTS.md and the like) together in the system text, bytes.
pub const INSTRUCTION_BYTES: usize = 32 * 1024;
/// Tool output that reaches the model and the event's own line: so many bytes of the head …
pub const OUTPUT_HEAD_BYTES: usize = 8 * 1024;
/// … and so many of the tail.
pub const OUTPUT_TAIL_BYTES: usize = 8 * 1024;
/// Whole output of one call kept as a blob, bytes; what comes after is counted, not kept.
pub const OUTPUT_KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// Lines the read tool returns when no range is asked for.
pub const READ_LINES: usize = 2000;
/// A file the edit and patch tools take in, bytes.
pub const EDIT_BYTES: u64 = 8 * 1024 * 1024;
/// Replacements one edit call may ask for.
pub const EDITS: usize = 100;
/// Files one patch may change.
pub const PATCH_FILES: usize = 200;
/// Items of a list of things to do.
pub const TODO_ITEMS: usize = 50;
/// Pixels that an image may claim to have.
pub const IMAGE_PIXELS: usize = 64 * 1024 * 1024;
/// A notebook that the read tool takes in, bytes.
pub const NOTEBOOK_BYTES: u64 = 16 * 1024 * 1024;
/// What a kept command may tell of its working directory and variables, bytes.
pub const KEPT_BYTES: u64 = 256 * 1024;
/// Commands that run in the background of one session at once.
pub const JOBS: usize = 16;
/// Output of a background command that is kept to be read again, bytes; what comes after is counted, not kept.
pub const JOB_KEPT_BYTES: u64 = 16 * 1024 * 1024;
/// A patch that the diff tool tells, bytes; files that do not fit are named.
pub const DIFF_BYTES: usize = 12 * 1024;
/// A question to a person with its choices, as JSON, bytes.
pub const QUESTION_BYTES: usize = 8 * 1024;
/// Answers that such a question may offer: as many as there are keys.
pub const CHOICES: usize = 9;
/// A person's answer to it, bytes.
pub const ASKED_ANSWER_BYTES: usize = 16 * 1024;
/// How long a call may wait for a background command, ms.
pub const JOB_WAIT_MAX_MS: u64 = 10 * 60_000;
/// What a call may type into a background command at once, bytes.
pub const JOB_INPUT_BYTES: usize = 16 * 1024;
/// Matches a glob, grep or list call returns at most.
pub const MATCHES: usize = 500;
/// Bytes of one matched line that grep shows.
pub const MATCH_LINE_BYTES: usize = 400;
/// A shell command, bytes.
pub const COMMAND_BYTES: usize = 64 * 1024;
/// How long a command that judges the files may run, ms.
pub const CHECK_MS: u64 = 60 * 60_000;
/// The end of what it says that is recorded, and shown to the model, bytes.
pub const CHECK_OUTPUT_BYTES: usize = 8 * 1024;
/// Turns until such a command succeeds when nobody says otherwise.
pub const ROUNDS: u32 = 10;
/// The most of them that may be asked for.
pub const ROUNDS_MOST: u32 = 10_000;
/// How long a question over all sessions may take, ms.
pub const QUERY_MS: u64 = 30_000;
/// Rows of its answer.
pub const QUERY_ROWS: usize = 100_000;
/// A packed session, bytes.
pub const PACK_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Sessions of one batch.
pub const BATCH: usize = 10_000;
/// Sessions of one batch that run at once.
pub const BATCH_JOBS: u32 = 256;
/// How often one task is begun side by side.
pub const BATCH_REPEATS: u32 = 100;
/// A list of tasks, bytes.
pub const BATCH_BYTES: u64 = 16 * 1024 * 1024;
/// What one session of a relay is told of another's words or changes, bytes: the end of them.
pub const RELAY_TEXT_BYTES: usize = 24 * 1024;
/// Reviews in one relay at most.
pub const RELAY_REVIEWS: u32 = 20;
/// Files that a run may name as its inputs.
pub const INPUT_FILES: usize = 200_000;
/// Default time limit of a shell call, ms.
pub const SHELL_MS: u64 = 120_000;
/// The longest time limit a call may ask for, ms.
pub const SHELL_MAX_MS: u64 = 30 * 60_000;
/// Reading calls that run at once in one session.
pub const PARALLEL_CALLS: usize = 8;
/// Tool calls one model answer may hold.
pub const CALLS_PER_ANSWER: usize = 64;
/// Model answers in one turn when nobody says otherwise.
pub const ANSWERS_PER_TURN: u32 = 200;
/// The most model answers in one turn that may be asked for.
pub const ANSWERS_PER_TURN_MOST: u32 = 20_000;
/// What a model takes in and gives out at once when nobody says otherwise, tokens.
pub const CONTEXT_TOKENS: u64 = 128_000;
/// The least and the most that may be said of it.
pub const CONTEXT_TOKENS_RANGE: (u32, u32) = (1_000, 100_000_000);
/// Tokens of it that are kept free for the answer, at most (a quarter of a small one).
pub const ANSWER_TOKENS: u64 = 16_384;
/// Bytes of an old output that stay when it is trimmed.
pub const TRIMMED_BYTES: usize = 240;
/// What people said that stands verbatim beside a summary, bytes.
pub const REQUESTS_BYTES: usize = 32 * 1024;
/// Changed files that are named beside a summary.
pub const FILES_NAMED: usize = 200;
/// A JSON Schema that answers are held to, bytes.
pub const SCHEMA_BYTES: usize = 256 * 1024;
/// How deep it may be nested.
pub const SCHEMA_DEPTH: usize = 64;
/// What does not fit in one answer is told up to so many times.
pub const SCHEMA_FAULTS: usize = 8;
/// How often an answer that does not fit its schema is asked for again.
pub const REPAIRS: u32 = 3;
/// How often a model call that a crash interrupted is asked again before the turn fails.
pub const INTERRUPTED_RETRIES: u32 = 5;
/// Bytes of one provider stream event.
pub const SSE_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one model answer (text, reasoning and arguments together).
pub const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Attempts of one provider request, the first included.
pub const PROVIDER_ATTEMPTS: u32 = 4;
/// Longest wait between two attempts that a server may demand, ms.
pub const RETRY_WAIT_MS: u64 = 60_000;
/// Silence on a provider stream before it counts as cut, ms.
pub const STREAM_IDLE_MS: u64 = 120_000;
/// Time a provider may take until its first piece (a long prompt on a slow machine, thinking unseen), ms; the vendors' own SDKs
/// wait as long.
pub const ANSWER_START_MS: u64 = 600_000;
/// How long a stream that has said its end is listened to for late figures, ms.
pub const STREAM_TAIL_MS: u64 = 2_000;
/// Bytes of an error answer that are read.
pub const ERROR_BODY_BYTES: usize = 64 * 1024;
/// Characters of a provider's own words in a message.
pub const ERROR_TEXT_CHARS: usize = 300;
/// First wait between two attempts, ms; it doubles.
pub const BACKOFF_MS: u64 = 500;
/// Longest wait between two attempts that nobody demanded, ms.
pub const BACKOFF_MAX_MS: u64 = 8_000;
/// One recording of model answers, bytes.
pub const CASSETTE_BYTES: u64 = 64 * 1024 * 1024;
/// Time to reach a provider, ms.
pub const CONNECT_MS: u64 = 10_000;
/// Deltas an ace-model writes at most a second; faster streams are joined.
pub const DELTAS_PER_SECOND: u64 = 50;
/// Bytes of `live.jsonl` (chalk of the running turn) before it starts afresh.
pub const LIVE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of a session's name.
pub const NAME_BYTES: usize = 64;
/// Characters of a name made from a prompt.
pub const NAME_FROM_PROMPT: usize = 24;
/// Filters of the user's own, and gates, in one pipeline.
pub const USER_FILTERS: usize = 16;
/// Times a fallen filter is started again within `RESTART_WINDOW_MS` before the run gives up.
pub const RESTARTS: u32 = 5;
/// Lines of one filter that the log may refuse before it is no longer heard; so many of them are told.
pub const LINES_REFUSED: usize = 64;
/// Bytes of news that wait for a star's main loop; who makes more of it waits.
pub const NEWS_BYTES: usize = 1024 * 1024;
/// Lines that filters may say to people a second; what is more is not shown.
pub const NOTES_PER_SECOND: u32 = 100;
/// The window for `RESTARTS`, ms.
pub const RESTART_WINDOW_MS: u64 = 10_000;
/// A thing that is due and claimed by nobody for this long is said aloud, ms.
pub const UNCLAIMED_MS: u64 = 5_000;
/// Sessions one listing reads.
pub const SESSIONS: usize = 100_000;
/// Pens of one session that may be open at once.
pub const PENS: usize = 256;
/// An event's id, bytes.
pub const ID_BYTES: usize = 128;
/// Blobs whose parts one appender may have begun and not ended.
pub const BLOBS_BEGUN: usize = 64;
/// Bytes a follower hands on at once (a longer line is still handed on whole).
pub const FOLLOW_BYTES: usize = 256 * 1024;
/// Longest sleep of a follower before it looks by itself, ms (a bell may be missing, or its ringer killed).
pub const LOOK_MS: u64 = 250;
/// The same where no futex is shared between processes, ms.
pub const LOOK_WITHOUT_FUTEX_MS: u64 = 20;
/// One file of configuration, bytes.
pub const CONFIG_BYTES: usize = 1024 * 1024;
/// Bytes of one `tool.delta`; a flood shows its latest.
pub const DELTA_BYTES: usize = 4 * 1024;
/// Bytes of a failure's message.
pub const MESSAGE_BYTES: usize = 1024;
/// How far into a file the read tool goes to find a line or to count them, bytes.
pub const READ_SCAN_BYTES: u64 = 64 * 1024 * 1024;
/// How long a glob or grep call walks before it tells what it has found, ms.
pub const WALK_MS: u64 = 30_000;
/// Bytes of one line that grep holds at a time; a file with a longer one is skipped and counted.
pub const GREP_LINE_BYTES: usize = 4 * 1024 * 1024;
/// Files of whole outputs kept in a session's temporary folder; the oldest go first.
pub const SPILLS: usize = 32;
/// A line from the broker to a worker, bytes (arguments are part of an answer, with room for what surrounds them).
pub const ORDER_BYTES: usize = ANSWER_BYTES + 64 * 1024;
/// A line from a worker to the broker, bytes.
pub const REPLY_BYTES: usize = 1024 * 1024;
/// Processes and threads of a worker and all it starts.
pub const WORKER_PROCESSES: u32 = 4096;
/// Calls that wait in a worker.
pub const QUEUED_CALLS: usize = 256;
/// Between the polite and the final signal to a command that must stop, ms.
pub const TERM_MS: u64 = 500;
/// How long the output of a command that has ended is still awaited when something it started holds the pipe, ms.
pub const LINGER_MS: u64 = 300;
/// Processes left in the background whose further output a worker drains away, so that they are not ended by a closed pipe.
pub const DRAINS: usize = 64;
/// Lines of a failed call's output that a view shows.
pub const VIEW_EXCERPT_LINES: usize = 6;
/// Lines of a diff that a view shows.
pub const VIEW_DIFF_LINES: usize = 12;
/// Lines of a Markdown table that a view holds back to align them; what comes after begins a new one.
pub const VIEW_TABLE_LINES: usize = 500;
/// Changed files that a view tells apart; further ones are only counted.
pub const VIEW_PATHS: usize = 10_000;

/// Worktrees: what is read of one, and what is written for one.
pub mod worktree {
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
    /// Notes, and messages of commits, that are looked through for heads of a log.
    pub const NOTES: usize = 10_000;
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
    /// How long to wait for another `create` in the same repository to choose its branch, ms.
    pub const TURN_MS: u64 = 10_000;
    /// How long a registration may stay without its path before it counts as torn, ms.
    pub const TORN_MS: u64 = 250;
    /// Bytes of all changed files that one diff holds in memory.
    pub const DIFF_TOTAL_BYTES: u64 = 256 << 20;
    /// Lines of what the `git` program says that an error repeats.
    pub const GIT_SAYS_LINES: usize = 8;
    /// A recorded state's objects stay so long in their pool whether a record names them or not, seconds.
    pub const STATE_GRACE_SECONDS: u64 = 24 * 3600;
    /// Ports that are given to worktrees, the last one not among them: below what systems give out by themselves.
    pub const PORTS: (u16, u16) = (20_000, 32_000);
    /// Ports and cache folders of one worktree.
    pub const VARIABLES: usize = 32;
    /// Commits that landing plants anew one by one.
    pub const REBASE_COMMITS: usize = 1_000;
    /// References asked whether they hold a commit that is about to lose its branch.
    pub const REFERENCES: usize = 10_000;
    /// A worktree still "being made" after this was given up by its maker, seconds.
    pub const MAKING_SECONDS: u64 = 3600;
    /// Hooks that a fingerprint covers.
    pub const HOOKS: usize = 1000;
    /// Bytes of one hook or configuration that a fingerprint covers.
    pub const HOOK_BYTES: u64 = 1 << 20;
    /// Bytes of one new or changed file that a recorded state holds; a larger one is left out and named.
    pub const STATE_FILE_BYTES: u64 = 64 << 20;
    /// Bytes of all new or changed files that one look stores; what comes after is left out and named.
    pub const STATE_NEW_BYTES: u64 = 512 << 20;
    /// Files and folders that one look passes over before it gives up.
    pub const STATE_FILES: usize = 2_000_000;
    /// Folders within folders that a look enters.
    pub const STATE_DEPTH: usize = 256;
    /// After so long a call that may write is preceded by a look of its own, ms.
    pub const LOOK_AGAIN_MS: u64 = 5_000;
    /// Objects of git that one look takes over from a session's store.
    pub const ADOPT_OBJECTS: usize = 100_000;
    /// Bytes of them, unpacked.
    pub const ADOPT_BYTES: u64 = 1 << 30;
    /// Names of changed or left out files in one record, bytes; further ones are counted.
    pub const STATE_NAMES_BYTES: usize = 4 << 10;
    /// Objects that are kept in memory from one look to the next, bytes.
    pub const OBJECT_CACHE_BYTES: usize = 512 * 1024;
    /// A patch above this is a blob beside its record, bytes of its JSON.
    pub const STATE_PATCH_INLINE: usize = 8 << 10;
    /// Bytes of the patch that is kept with one record; the trees have the rest.
    pub const STATE_PATCH_BYTES: usize = 4 << 20;
    /// How long before a look a file may have changed to be read again by the next one, ms: its times may not tell.
    pub const RACY_MS: u64 = 20;
}
/// A command that is read word by word in search of an allowing rule, bytes; a longer one is asked.
pub const SHELL_GRAMMAR_BYTES: usize = 16 * 1024;
/// Brackets, quotes and backquotes that such a command may hold; one with more is asked.
pub const SHELL_OPENINGS: usize = 256;
/// Steps a parser may take on it, in hundreds; one that needs more is asked.
pub const SHELL_STEPS: u32 = 2_000;
/// Commands in one command line; a line with more is asked.
pub const SHELL_SEGMENTS: usize = 50;
/// Rules in one file.
pub const RULES: usize = 1_000;
/// One file of rules, bytes.
pub const RULES_BYTES: usize = 1024 * 1024;
/// Patterns in one list of a rule, and examples of one kind.
pub const RULE_PATTERNS: usize = 100;
/// How long a decider may take, ms.
pub const DECIDER_MS: u64 = 10_000;
/// A work tree that is copied to try a call in it: files, …
pub const COPIED_FILES: u64 = 200_000;
/// … and their bytes.
pub const COPIED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// A hook that hears of a call that has run, or of the end of a turn, ms: it may build and test.
pub const HOOK_MS: u64 = 120_000;
/// The longest time that a configuration may give to one hook, s.
pub const HOOK_SECONDS_MOST: u64 = 600;
/// What hooks say in one record, bytes.
pub const HOOK_SAYS_BYTES: usize = 16 * 1024;
/// How often hooks may keep one turn from its end.
pub const STOPS_HELD: u32 = 8;
/// What a decider may say on each of its outputs, bytes; the rest is forgotten.
pub const DECIDER_BYTES: u64 = 64 * 1024;
/// Grants of one session that are kept in mind.
pub const GRANTS: usize = 1_000;
/// How deep groups and substitutions of a command may nest before the rest counts as unread.
pub const SHELL_NESTING: usize = 24;
/// How deep scripts may stand in strings of scripts before somebody is asked.
pub const SHELL_STRINGS: usize = 8;
/// Text that one command may make the rules read, bytes: strings in strings are read again at every turn.
pub const SHELL_READ_BYTES: usize = 1024 * 1024;
/// Words behind a wrapper (`sudo`, `env`) that are taken for the program it starts.
pub const SHELL_WRAPPED: usize = 32;
/// Refusals (forged or late lines) that one writer's appender records; further ones are only told.
pub const REFUSALS: usize = 100;
/// Lines of the prompt's history.
pub const HISTORY_LINES: usize = 10_000;
/// Files that are looked at to complete a path.
pub const COMPLETION_FILES: usize = 20_000;
/// Completions that are offered.
pub const COMPLETIONS: usize = 50;
/// Files of one folder of a person's own commands.
pub const COMMAND_FILES: usize = 1_000;
/// One such file, bytes.
pub const COMMAND_FILE_BYTES: u64 = 64 * 1024;
/// Output of a person's own command that goes with a message, bytes.
pub const OWN_OUTPUT_BYTES: usize = 16 * 1024;
/// A web address that may be fetched, bytes.
pub const URL_BYTES: usize = 4096;
/// What is read of a page, bytes, unpacked.
pub const FETCH_BYTES: usize = 5 * 1024 * 1024;
/// Time for a page with all its redirects, ms.
pub const FETCH_MS: u64 = 30_000;
/// Redirects that are followed for one page.
pub const REDIRECTS: usize = 5;
/// Tags open within each other before a page is read as bare text.
pub const HTML_DEPTH: usize = 4096;
/// Connections that tools have through the proxy of their sandbox at once.
pub const PROXY_CONNECTIONS: usize = 128;
/// Hosts that the record of one call names.
pub const CONTACTS: usize = 32;
/// Pages that are fetched at once in one session.
pub const FETCHES: usize = 4;
/// An answer that may have fewer tokens than this is not worth its money: the call is stopped instead.
pub const QUOTA_OUTPUT_LEAST: u64 = 512;
/// Bytes of a request that are taken for one token when nothing better is known: fewer than any usual text has.
pub const QUOTA_BYTES_PER_TOKEN: u64 = 2;
/// Tokens that a request may have beside what its texts hold (roles, tool frames), for each message.
pub const QUOTA_MESSAGE_TOKENS: u64 = 8;
/// Share of a limit at which a warning is recorded, percent.
pub const QUOTA_WARN_PERCENT: u64 = 80;
/// Groups one session may belong to.
pub const QUOTA_GROUPS: usize = 8;
/// How long the shared ledger may be held by others before a call is stopped, ms.
pub const QUOTA_PATIENCE_MS: u64 = 10_000;
/// The largest limit in micro-dollars, tokens, calls, turns or seconds that may be asked for.
pub const QUOTA_MOST: u64 = 1_000_000_000_000_000;
/// Tokens of one kind in one answer above which a provider's figure is not believed.
pub const USAGE_MOST: u64 = 1_000_000_000;
/// One `scenario.toml`, bytes.
pub const SCENARIO_BYTES: u64 = 1024 * 1024;
/// Files of one scenario.
pub const SCENARIO_FILES: usize = 20_000;
/// All files of one scenario, bytes.
pub const SCENARIO_FILES_BYTES: u64 = 256 * 1024 * 1024;
/// Scenarios of one run.
pub const SCENARIOS: usize = 10_000;
/// Failures of one scenario that are recorded, and bytes of each.
pub const SCENARIO_FAILURES: usize = 20;
/// Bytes of one such line.
pub const SCENARIO_FAILURE_BYTES: usize = 512;
/// How long a scenario may take if it does not say, s.
pub const SCENARIO_SECONDS: u64 = 60;
/// Records of one log of results; then another is begun.
pub const SCENARIO_RECORDS: u64 = 50_000;
/// Runs that making a scenario smaller may take.
pub const SHRINK_RUNS: u32 = 300;
/// Runs of one what-if.
pub const WHAT_IF_RUNS: u32 = 1_000;
/// Longest pause of a session that is played, ms: who wants to see what follows need not wait a night.
pub const REPLAY_PAUSE_MS: u64 = 24 * 3600 * 1000;
/// Limits of the server.
pub mod web {
    use std::time::Duration;

    /// Connections at once.
    pub const CONNECTIONS: usize = 4096;
    /// Time in which the head of a request has to arrive.
    pub const HEAD_TIME: Duration = Duration::from_secs(10);
    /// Body of a request, bytes.
    pub const BODY_BYTES: usize = 1 << 20;
    /// Body of a request that may hold pictures, bytes.
    pub const PICTURES_BYTES: usize = 32 << 20;
    /// Events in one answer.
    pub const EVENTS: usize = 5_000;
    /// Bytes of the events in one answer.
    pub const EVENTS_BYTES: usize = 4 << 20;
    /// Bytes of the events in one frame of a stream.
    pub const FRAME_BYTES: usize = 64 << 10;
    /// Frames that wait for a viewer before it is dropped.
    pub const FRAMES_WAITING: usize = 64;
    /// Time a viewer has to take one frame.
    pub const FRAME_TIME: Duration = Duration::from_secs(10);
    /// A frame that a viewer sends, bytes.
    pub const VIEWER_FRAME_BYTES: usize = 64 << 10;
    /// Frames that a viewer may send in a second.
    pub const VIEWER_FRAMES: u32 = 200;
    /// Between two signs of life of a stream.
    pub const PING: Duration = Duration::from_secs(15);
    /// How long a login of a browser lasts, ms.
    pub const LOGIN_MS: i64 = 30 * 24 * 3600 * 1000;
    /// Logins that are kept.
    pub const LOGINS: usize = 1_000;
    /// How long a share link may last, ms.
    pub const SHARE_MS: i64 = 30 * 24 * 3600 * 1000;
    /// Share links that are kept.
    pub const SHARES: usize = 1_000;
    /// How long a ticket for a stream is good, seconds.
    pub const TICKET_SECONDS: u64 = 30;
    /// Tickets that are out.
    pub const TICKETS: usize = 10_000;
    /// Failed attempts from one address in [`FAILURE_WINDOW`] before it is told to wait.
    pub const FAILURES: u32 = 30;
    /// See [`FAILURES`].
    pub const FAILURE_WINDOW: Duration = Duration::from_secs(60);
    /// Addresses whose failures are counted.
    pub const FAILING_ADDRESSES: usize = 10_000;
    /// What a waiting call is about, in the list of sessions, characters.
    pub const SUBJECT: usize = 200;
    /// Sessions in one answer.
    pub const CARDS: usize = 1_000;
    /// Sessions whose state is kept at hand because they grow.
    pub const FOLDS: usize = 32;
    /// Files in one answer about a tree.
    pub const TREE_FILES: usize = 20_000;
    /// A file or blob that is handed out, bytes.
    pub const FILE_BYTES: u64 = 32 << 20;
    /// What a program of the suite may say on each of its outputs, bytes.
    pub const SAYS_BYTES: usize = 32 << 20;
    /// How long a program of the suite may take to act, ms.
    pub const ACT_TIME: Duration = Duration::from_secs(60);
    /// Programs of the suite that act at once.
    pub const ACTS: usize = 8;
    /// Runs of one task that may be begun at once.
    pub const RUNS: u32 = 8;
    /// Scenarios that run at once.
    pub const SCENARIO_RUNS: usize = 2;
    /// Runs of scenarios that can be looked up.
    pub const SCENARIO_RUNS_KEPT: usize = 100;
    /// How long the run of a scenario may take, its own limit of time included.
    pub const SCENARIO_TIME: Duration = Duration::from_secs(30 * 60);
    /// Terminals at once.
    pub const TERMINALS: usize = 16;
    /// Output of a terminal that is kept for one who comes back, bytes.
    pub const TERMINAL_BYTES: usize = 256 << 10;
}
