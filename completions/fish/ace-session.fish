# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_session_global_optspecs
    string join \n h/help V/version
end

function __fish_ace_session_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_session_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_session_using_subcommand
    set -l cmd (__fish_ace_session_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-session -n "__fish_ace_session_needs_command" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_needs_command" -s V -l version -d 'Print version'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "new" -d 'Make worktree, branch, log, print the id'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "once" -d 'A session on stdout alone, never kept'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "say" -d 'Queue a message for the next turn'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "unsay" -d 'Take back what still waits, print it'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "run" -d 'Start the filters, go on with what is due'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "attach" -d 'Watch a session that runs elsewhere'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "cancel" -d 'Stop the running turn, keep what was said'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "compact" -d 'Make the conversation shorter, now'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "step" -d 'Filter: take turns, build contexts'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "fork" -d 'A session with that past, print its id'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "rewind" -d 'Conversation and files back to a line'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "undo" -d 'Take the last turn back, files too'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "archive" -d 'Put a session away; its log stays'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "pack" -d 'The session as one file, on stdout'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "unpack" -d 'Take in a packed session, to be looked at'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "rm" -d 'Remove log, worktree and the rest for good'
complete -c ace-session -n "__fish_ace_session_needs_command" -f -a "list" -d 'The sessions, newest first'
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -s m -l model -d 'Provider and model' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l image -d 'Show a picture, again for each' -r -F
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l schema -d 'The answer is JSON that fits FILE' -r -F
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l sandbox -d 'read-only, workspace (default), network, off' -r -f -a "read-only\t''
workspace\t''
network\t''
off\t''"
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l name -d 'Of session and branch' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l base -d 'The worktree starts there (default HEAD)' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l max-turns -d 'Stop after N model answers' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l budget -d 'Stop before a call that could exceed it' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l max-time -d 'Stop after so much work: 90s, 10m, 2h' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l carry -d 'Bring uncommitted changes along'
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -l no-worktree -d 'Work in place'
complete -c ace-session -n "__fish_ace_session_using_subcommand new" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -s m -l model -d 'Provider and model' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -l image -d 'Show a picture, again for each' -r -F
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -l schema -d 'The answer is JSON that fits FILE' -r -F
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -l budget -d 'Stop before a call that could exceed it' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -l max-time -d 'Stop after so much work: 90s, 10m, 2h' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand once" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand say" -l image -d 'Show a picture, again for each' -r -F
complete -c ace-session -n "__fish_ace_session_using_subcommand say" -l now -d 'Steer the running turn; alone: with what waits'
complete -c ace-session -n "__fish_ace_session_using_subcommand say" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand unsay" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand run" -l until -d 'Go on, turn by turn, until CMD succeeds' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand run" -l rounds -d 'Turns for that (default 10)' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand run" -l budget -d 'Stop before a call that could exceed it' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand run" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand run" -l max-time -d 'Stop after so much work: 90s, 10m, 2h' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand run" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand attach" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand compact" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand step" -l drafts-only -d 'Send back own drafts alone'
complete -c ace-session -n "__fish_ace_session_using_subcommand step" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand fork" -l name -d 'Its name (default: its parent\'s, numbered)' -r
complete -c ace-session -n "__fish_ace_session_using_subcommand fork" -l json -d 'A line of JSON instead of the id'
complete -c ace-session -n "__fish_ace_session_using_subcommand fork" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand rewind" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand undo" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand archive" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand pack" -l raw -d 'Secrets stay in'
complete -c ace-session -n "__fish_ace_session_using_subcommand pack" -l no-files -d 'Without the states of files'
complete -c ace-session -n "__fish_ace_session_using_subcommand pack" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand unpack" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand rm" -l force -d 'Also when work that is nowhere else is lost'
complete -c ace-session -n "__fish_ace_session_using_subcommand rm" -s h -l help -d 'Print help'
complete -c ace-session -n "__fish_ace_session_using_subcommand list" -l json -d 'A line of JSON each'
complete -c ace-session -n "__fish_ace_session_using_subcommand list" -s h -l help -d 'Print help'
