# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_global_optspecs
    string join \n C= x q/quiet json color= h/help V/version
end

function __fish_ace_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_using_subcommand
    set -l cmd (__fish_ace_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace -n "__fish_ace_needs_command" -s C -d 'Start in DIR' -r -F
complete -c ace -n "__fish_ace_needs_command" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_needs_command" -s x -d 'Print the pipeline instead of running it'
complete -c ace -n "__fish_ace_needs_command" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_needs_command" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_needs_command" -s V -l version -d 'Print version'
complete -c ace -n "__fish_ace_needs_command" -f -a "run" -d 'Work until the turn has ended'
complete -c ace -n "__fish_ace_needs_command" -f -a "ask" -d 'One answer, no tools'
complete -c ace -n "__fish_ace_needs_command" -f -a "resume" -d 'Go on with what is due, then the prompt'
complete -c ace -n "__fish_ace_needs_command" -f -a "demo" -d 'Play a recorded session, here, for nothing'
complete -c ace -n "__fish_ace_needs_command" -f -a "doctor" -d 'What this machine gives: sandbox, home, git, keys'
complete -c ace -n "__fish_ace_needs_command" -f -a "ls" -d 'Sessions: what runs, what waits, what it cost'
complete -c ace -n "__fish_ace_needs_command" -f -a "show" -d 'One session, or one recorded line of it'
complete -c ace -n "__fish_ace_needs_command" -f -a "config" -d 'What is configured, and where it was said'
complete -c ace -n "__fish_ace_needs_command" -f -a "trust" -d 'Let this project start what its configuration names'
complete -c ace -n "__fish_ace_needs_command" -f -a "help" -d 'Explain a command, or the parts of the pipe'
complete -c ace -n "__fish_ace_needs_command" -f -a "say" -d 'queue a message, or steer the running turn'
complete -c ace -n "__fish_ace_needs_command" -f -a "unsay" -d 'take back the newest message that waits'
complete -c ace -n "__fish_ace_needs_command" -f -a "attach" -d 'watch a session that runs elsewhere'
complete -c ace -n "__fish_ace_needs_command" -f -a "compact" -d 'make the conversation shorter, now'
complete -c ace -n "__fish_ace_needs_command" -f -a "cancel" -d 'stop the running turn'
complete -c ace -n "__fish_ace_needs_command" -f -a "map" -d 'a session for each line of tasks'
complete -c ace -n "__fish_ace_needs_command" -f -a "race" -d 'one task several times, the first to pass wins'
complete -c ace -n "__fish_ace_needs_command" -f -a "relay" -d 'one task: a plan, the work, a review'
complete -c ace -n "__fish_ace_needs_command" -f -a "diff" -d 'what a session changed'
complete -c ace -n "__fish_ace_needs_command" -f -a "cost" -d 'what it cost, by turn and model'
complete -c ace -n "__fish_ace_needs_command" -f -a "log" -d 'a line a record'
complete -c ace -n "__fish_ace_needs_command" -f -a "text" -d 'the answers alone'
complete -c ace -n "__fish_ace_needs_command" -f -a "search" -d 'words over all sessions'
complete -c ace -n "__fish_ace_needs_command" -f -a "blame" -d 'which call wrote a line, and why'
complete -c ace -n "__fish_ace_needs_command" -f -a "query" -d 'all sessions in SQL'
complete -c ace -n "__fish_ace_needs_command" -f -a "verify" -d 'whether a log is whole'
complete -c ace -n "__fish_ace_needs_command" -f -a "laws" -d 'whether a filter of yours keeps the laws'
complete -c ace -n "__fish_ace_needs_command" -f -a "fork" -d 'a session with that past, and its files'
complete -c ace -n "__fish_ace_needs_command" -f -a "rewind" -d 'conversation and files back to a line'
complete -c ace -n "__fish_ace_needs_command" -f -a "bisect" -d 'the first step after which a command fails'
complete -c ace -n "__fish_ace_needs_command" -f -a "replay" -d 'play a session, run it again, check scenarios'
complete -c ace -n "__fish_ace_needs_command" -f -a "what-if" -d 'how often it passes with something changed'
complete -c ace -n "__fish_ace_needs_command" -f -a "compare" -d 'one task several times, side by side'
complete -c ace -n "__fish_ace_needs_command" -f -a "rebase" -d 'leave a step out, or put them in another order'
complete -c ace -n "__fish_ace_needs_command" -f -a "undo" -d 'take the last turn back, files too'
complete -c ace -n "__fish_ace_needs_command" -f -a "allow" -d 'let a waiting call run'
complete -c ace -n "__fish_ace_needs_command" -f -a "deny" -d 'refuse a waiting call'
complete -c ace -n "__fish_ace_needs_command" -f -a "land" -d 'bring a session\'s work to its branch of origin'
complete -c ace -n "__fish_ace_needs_command" -f -a "archive" -d 'put a session away, its log stays'
complete -c ace -n "__fish_ace_needs_command" -f -a "pack" -d 'a session as one file'
complete -c ace -n "__fish_ace_needs_command" -f -a "unpack" -d 'take in a packed session, to be looked at'
complete -c ace -n "__fish_ace_needs_command" -f -a "rm" -d 'remove a session for good'
complete -c ace -n "__fish_ace_needs_command" -f -a "prune" -d 'remove worktrees nobody needs'
complete -c ace -n "__fish_ace_needs_command" -f -a "model" -d 'models: list what there is, check that one answers'
complete -c ace -n "__fish_ace_needs_command" -f -a "serve" -d 'sessions in a browser, and over HTTP'
complete -c ace -n "__fish_ace_using_subcommand run" -s m -l model -d 'Provider and model' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l image -d 'Show a picture, again for each' -r -F
complete -c ace -n "__fish_ace_using_subcommand run" -l schema -d 'The answer is JSON that fits FILE' -r -F
complete -c ace -n "__fish_ace_using_subcommand run" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace -n "__fish_ace_using_subcommand run" -l sandbox -d 'read-only, workspace (default), network, off' -r -f -a "read-only\t''
workspace\t''
network\t''
off\t''"
complete -c ace -n "__fish_ace_using_subcommand run" -l name -d 'Of session and branch' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l base -d 'The worktree starts there (default HEAD)' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l max-turns -d 'Stop after N model answers' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l budget -d 'Stop before a call that could exceed it' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l max-time -d 'Stop after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l until -d 'Go on, turn by turn, until CMD succeeds' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l rounds -d 'Turns for that (default 10)' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l inputs -d 'Skip it if nothing of this has changed' -r
complete -c ace -n "__fish_ace_using_subcommand run" -l record -d 'Keep the answers, for -m recorded/DIR' -r -F
complete -c ace -n "__fish_ace_using_subcommand run" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand run" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace -n "__fish_ace_using_subcommand run" -l carry -d 'Bring uncommitted changes along'
complete -c ace -n "__fish_ace_using_subcommand run" -l no-worktree -d 'Work in place'
complete -c ace -n "__fish_ace_using_subcommand run" -l reasoning -d 'The model\'s reasoning whole'
complete -c ace -n "__fish_ace_using_subcommand run" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand run" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand ask" -s m -l model -d 'Provider and model' -r
complete -c ace -n "__fish_ace_using_subcommand ask" -l image -d 'Show a picture, again for each' -r -F
complete -c ace -n "__fish_ace_using_subcommand ask" -l schema -d 'The answer is JSON that fits FILE' -r -F
complete -c ace -n "__fish_ace_using_subcommand ask" -l format -d 'text (default), sarif, github' -r -f -a "text\t'A line each, for people'
sarif\t'SARIF 2.1.0'
github\t'Annotations of GitHub Actions'"
complete -c ace -n "__fish_ace_using_subcommand ask" -l record -d 'Keep the answer, for -m recorded/DIR' -r -F
complete -c ace -n "__fish_ace_using_subcommand ask" -l budget -d 'Stop before a call that could exceed it' -r
complete -c ace -n "__fish_ace_using_subcommand ask" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand ask" -l max-time -d 'Stop after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand ask" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand ask" -l gate -d 'The exit is a verdict; findings on stdout'
complete -c ace -n "__fish_ace_using_subcommand ask" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand ask" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand ask" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand resume" -l budget -d 'Stop before a call that could exceed it' -r
complete -c ace -n "__fish_ace_using_subcommand resume" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand resume" -l max-time -d 'Stop after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand resume" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand resume" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand resume" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand demo" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand demo" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand demo" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand doctor" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand doctor" -l online -d 'Try to reach the providers too; nothing is sent'
complete -c ace -n "__fish_ace_using_subcommand doctor" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand doctor" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand ls" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand ls" -s a -l all -d 'Archived ones too'
complete -c ace -n "__fish_ace_using_subcommand ls" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand ls" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand show" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand show" -l full -d 'Outputs too'
complete -c ace -n "__fish_ace_using_subcommand show" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand show" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -l origin -d 'Where each value comes from'
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -l all -d 'Defaults too'
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand config; and not __fish_seen_subcommand_from set" -f -a "set" -d 'Write a value into your own file'
complete -c ace -n "__fish_ace_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand config; and __fish_seen_subcommand_from set" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand trust" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand trust" -l show -d 'Say what would start, change nothing'
complete -c ace -n "__fish_ace_using_subcommand trust" -l revoke -d 'Take it back'
complete -c ace -n "__fish_ace_using_subcommand trust" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand trust" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand trust" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand help" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand help" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand help" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand say" -l image -d 'Show a picture, again for each' -r -F
complete -c ace -n "__fish_ace_using_subcommand say" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand say" -l now -d 'Steer the running turn; alone: with what waits'
complete -c ace -n "__fish_ace_using_subcommand say" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand say" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand say" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand unsay" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand unsay" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand unsay" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand unsay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand attach" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand attach" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand attach" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand compact" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand compact" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand compact" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand compact" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand cancel" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand cancel" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand cancel" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand cancel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand map" -l from -d 'Lines of FILE in place of stdin' -r -F
complete -c ace -n "__fish_ace_using_subcommand map" -s j -d 'So many at once (default: a core each)' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace -n "__fish_ace_using_subcommand map" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace -n "__fish_ace_using_subcommand map" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l budget -d 'Of all together' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l budget-each -d 'Of each' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand map" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand map" -l claims -d 'A path is of whoever changes it first'
complete -c ace -n "__fish_ace_using_subcommand map" -l retry -d 'Again what has failed'
complete -c ace -n "__fish_ace_using_subcommand map" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace -n "__fish_ace_using_subcommand map" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand map" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand map" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand race" -s n -d 'So many of each' -r
complete -c ace -n "__fish_ace_using_subcommand race" -s j -d 'So many at once (default: a core each)' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace -n "__fish_ace_using_subcommand race" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace -n "__fish_ace_using_subcommand race" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l budget -d 'Of all together' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l budget-each -d 'Of each' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand race" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand race" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace -n "__fish_ace_using_subcommand race" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand race" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand race" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand relay" -l reviews -d 'Reviews at most (default 2)' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -s j -d 'So many at once (default: a core each)' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace -n "__fish_ace_using_subcommand relay" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l budget -d 'Of all together' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l budget-each -d 'Of each' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand relay" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand relay" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace -n "__fish_ace_using_subcommand relay" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand relay" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand relay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand diff" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand diff" -l stat -d 'Paths and counts only'
complete -c ace -n "__fish_ace_using_subcommand diff" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand diff" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand cost" -l since -d 'Sessions that spoke since: 90m, 12h, 7d, a day' -r
complete -c ace -n "__fish_ace_using_subcommand cost" -l project -d 'Sessions of this project' -r
complete -c ace -n "__fish_ace_using_subcommand cost" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand cost" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand cost" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand cost" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand log" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand log" -s v -l verbose -d 'With the data of each record'
complete -c ace -n "__fish_ace_using_subcommand log" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand log" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand text" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand text" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand text" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand text" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand search" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand search" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand search" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand blame" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand blame" -l json -d 'A line of JSON'
complete -c ace -n "__fish_ace_using_subcommand blame" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand blame" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand query" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand query" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand query" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand query" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand verify" -l anchor -d 'That line must still stand; alone: print it' -r
complete -c ace -n "__fish_ace_using_subcommand verify" -l note -d 'Note the head in git, at COMMIT or HEAD' -r
complete -c ace -n "__fish_ace_using_subcommand verify" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand verify" -l noted -d 'What is noted in git must still stand'
complete -c ace -n "__fish_ace_using_subcommand verify" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand verify" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand laws" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand laws" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand laws" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand laws" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand fork" -l name -d 'Its name (default: its parent\'s, numbered)' -r
complete -c ace -n "__fish_ace_using_subcommand fork" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand fork" -l json -d 'A line of JSON instead of the id'
complete -c ace -n "__fish_ace_using_subcommand fork" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand fork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand rewind" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand rewind" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand rewind" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand rewind" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand bisect" -l repeat -d 'Run CMD N times, one failure is enough' -r
complete -c ace -n "__fish_ace_using_subcommand bisect" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand bisect" -l json -d 'A line of JSON'
complete -c ace -n "__fish_ace_using_subcommand bisect" -l good-after -d 'The first step after which CMD succeeds'
complete -c ace -n "__fish_ace_using_subcommand bisect" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand bisect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l speed -d 'So many times as fast, 0 at once' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l idle -d 'No pause longer than this' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l from -d 'Begin at this line' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l to -d 'End with this line' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l home -d 'Into a home in DIR, for ace serve' -r -F
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l step -d 'A key for each step, q ends'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -l json -d 'Events, or differences, as JSON'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -s V -l version -d 'Print version'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "tools" -d 'Run its calls again and tell what differs'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "model" -d 'The same context to another model, and on'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "what-if" -d 'How often it passes with something changed'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "check" -d 'Run scenarios, in parallel'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "distil" -d 'A session as a scenario'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "shrink" -d 'The smallest scenario that still fails'
complete -c ace -n "__fish_ace_using_subcommand replay; and not __fish_seen_subcommand_from tools model what-if check distil shrink history" -a "history" -d 'How scenarios came out so far'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from tools" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from tools" -l loose -d 'Numbers in outputs may differ'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from tools" -l keep -d 'Leave the session it was run in'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from tools" -l json -d 'A line a call'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from tools" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from tools" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -s m -l model -d 'Who goes on' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -l to -d 'The last line it sees (default: the last turn)' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -l name -d 'Of session and branch' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -l json -d 'Events'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from model" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -l change -d 'model=, mode=, prompt=, file:PATH=FILE' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -s n -l runs -d 'So many runs' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -l check -d 'Passes if CMD succeeds there, not if done' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -s j -l jobs -d 'So many at once' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -l keep -d 'Leave the forks'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -l json -d 'A line a run, then the sum'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from what-if" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -s j -l jobs -d 'So many at once, else one a core' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -l junit -d 'Results as build servers read them' -r -F
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -l pack -d 'Leave each session there, as ace unpack reads it' -r -F
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -l keep -d 'Leave what failed where it was run'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -l no-record -d 'Nothing goes into the history'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -l json -d 'A line a scenario'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from distil" -l about -d 'What it shows, one line' -r
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from distil" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from distil" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from distil" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from shrink" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from shrink" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from shrink" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from history" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from history" -l json -d 'The records'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from history" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand replay; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand what-if" -l change -d 'model=, mode=, prompt=, file:PATH=FILE' -r
complete -c ace -n "__fish_ace_using_subcommand what-if" -s n -l runs -d 'So many runs' -r
complete -c ace -n "__fish_ace_using_subcommand what-if" -l check -d 'Passes if CMD succeeds there, not if done' -r
complete -c ace -n "__fish_ace_using_subcommand what-if" -s j -l jobs -d 'So many at once' -r
complete -c ace -n "__fish_ace_using_subcommand what-if" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand what-if" -l keep -d 'Leave the forks'
complete -c ace -n "__fish_ace_using_subcommand what-if" -l json -d 'A line a run, then the sum'
complete -c ace -n "__fish_ace_using_subcommand what-if" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand what-if" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand compare" -s n -d 'So many of each' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -s j -d 'So many at once (default: a core each)' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace -n "__fish_ace_using_subcommand compare" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l budget -d 'Of all together' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l budget-each -d 'Of each' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace -n "__fish_ace_using_subcommand compare" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand compare" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace -n "__fish_ace_using_subcommand compare" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand compare" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand rebase" -l drop -d 'Without this step, again for each' -r
complete -c ace -n "__fish_ace_using_subcommand rebase" -l todo -d 'The changed list; - for stdin' -r -F
complete -c ace -n "__fish_ace_using_subcommand rebase" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand rebase" -s i -l interactive -d 'Change the list in your editor'
complete -c ace -n "__fish_ace_using_subcommand rebase" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand rebase" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand rebase" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand undo" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand undo" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand undo" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand allow" -l why -d 'Words that the model reads' -r
complete -c ace -n "__fish_ace_using_subcommand allow" -l rule -d 'The rule for such calls, in place of the one proposed' -r
complete -c ace -n "__fish_ace_using_subcommand allow" -l answer -d 'The answer to what the model asks, or its number' -r
complete -c ace -n "__fish_ace_using_subcommand allow" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand allow" -l session -d 'Such calls too, while the session goes on'
complete -c ace -n "__fish_ace_using_subcommand allow" -l project -d 'Such calls too, in this project'
complete -c ace -n "__fish_ace_using_subcommand allow" -l always -d 'Such calls too, everywhere'
complete -c ace -n "__fish_ace_using_subcommand allow" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand allow" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand allow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand deny" -l why -d 'Words that the model reads' -r
complete -c ace -n "__fish_ace_using_subcommand deny" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand deny" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand deny" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand deny" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand land" -l onto -d 'Another branch than the one it came from' -r
complete -c ace -n "__fish_ace_using_subcommand land" -l patch -d 'With --branch: its commits for git am, - is stdout' -r -F
complete -c ace -n "__fish_ace_using_subcommand land" -l remote -d 'With --pr: push there' -r
complete -c ace -n "__fish_ace_using_subcommand land" -s m -l message -d 'Message of the commit that is made' -r
complete -c ace -n "__fish_ace_using_subcommand land" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand land" -l merge -d 'Merge, whatever is configured'
complete -c ace -n "__fish_ace_using_subcommand land" -l squash -d 'As one commit'
complete -c ace -n "__fish_ace_using_subcommand land" -l rebase -d 'Its commits one by one on top'
complete -c ace -n "__fish_ace_using_subcommand land" -l branch -d 'Only commit, on its own branch'
complete -c ace -n "__fish_ace_using_subcommand land" -l pr -d 'Push, and open a pull request by your gh or glab'
complete -c ace -n "__fish_ace_using_subcommand land" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand land" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand land" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand archive" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand archive" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand archive" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand archive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand pack" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand pack" -l raw -d 'Secrets stay in'
complete -c ace -n "__fish_ace_using_subcommand pack" -l no-files -d 'Without the states of files'
complete -c ace -n "__fish_ace_using_subcommand pack" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand pack" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand pack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand unpack" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand unpack" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand unpack" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand unpack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand rm" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand rm" -l force -d 'Also when work that is nowhere else is lost'
complete -c ace -n "__fish_ace_using_subcommand rm" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand rm" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand prune" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand prune" -s n -l dry-run -d 'Say what would go'
complete -c ace -n "__fish_ace_using_subcommand prune" -l anchored -d 'Also what a record holds as it is now'
complete -c ace -n "__fish_ace_using_subcommand prune" -l states -d 'Old states that no record of this home names'
complete -c ace -n "__fish_ace_using_subcommand prune" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand prune" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -l record -d 'Keep the answers, for -m recorded/DIR' -r -F
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -l play -d 'A recording that may be read' -r -F
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -l drafts-only -d 'Send back own drafts alone'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -s V -l version -d 'Print version'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -f -a "list" -d 'Providers, their keys and models'
complete -c ace -n "__fish_ace_using_subcommand model; and not __fish_seen_subcommand_from list check" -f -a "check" -d 'One tiny call: how soon, and whether with tools'
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from list" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from list" -l json -d 'A line of JSON each'
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from check" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from check" -l json -d 'As JSON'
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand model; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand serve" -l listen -d 'Listen there; without TLS on loopback only' -r
complete -c ace -n "__fish_ace_using_subcommand serve" -l unix -d 'Listen on a Unix socket instead' -r -F
complete -c ace -n "__fish_ace_using_subcommand serve" -l tls-cert -d 'Certificates for TLS, PEM' -r -F
complete -c ace -n "__fish_ace_using_subcommand serve" -l tls-key -d 'Their key, PEM' -r -F
complete -c ace -n "__fish_ace_using_subcommand serve" -l dev-origin -d 'Pages of this origin count as our own, to develop them' -r
complete -c ace -n "__fish_ace_using_subcommand serve" -l color -d 'auto, always or never' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set or the terminal is dumb'
always\t'Also into pipes'
never\t'Not at all'"
complete -c ace -n "__fish_ace_using_subcommand serve" -l terminal -d 'Terminals in worktrees may be opened'
complete -c ace -n "__fish_ace_using_subcommand serve" -l new-token -d 'A new link; the old one and every login end'
complete -c ace -n "__fish_ace_using_subcommand serve" -s q -l quiet -d 'Errors only'
complete -c ace -n "__fish_ace_using_subcommand serve" -l json -d 'Events, or the one thing asked for, as JSON'
complete -c ace -n "__fish_ace_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace -n "__fish_ace_using_subcommand serve" -s V -l version -d 'Print version'
