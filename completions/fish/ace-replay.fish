# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_replay_global_optspecs
    string join \n speed= idle= step from= to= home= json h/help V/version
end

function __fish_ace_replay_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_replay_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_replay_using_subcommand
    set -l cmd (__fish_ace_replay_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-replay -n "__fish_ace_replay_needs_command" -l speed -d 'So many times as fast, 0 at once' -r
complete -c ace-replay -n "__fish_ace_replay_needs_command" -l idle -d 'No pause longer than this' -r
complete -c ace-replay -n "__fish_ace_replay_needs_command" -l from -d 'Begin at this line' -r
complete -c ace-replay -n "__fish_ace_replay_needs_command" -l to -d 'End with this line' -r
complete -c ace-replay -n "__fish_ace_replay_needs_command" -l home -d 'Into a home in DIR, for ace serve' -r -F
complete -c ace-replay -n "__fish_ace_replay_needs_command" -l step -d 'A key for each step, q ends'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -l json -d 'Events, or differences, as JSON'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -s V -l version -d 'Print version'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "tools" -d 'Run its calls again and tell what differs'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "model" -d 'The same context to another model, and on'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "what-if" -d 'How often it passes with something changed'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "check" -d 'Run scenarios, in parallel'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "distil" -d 'A session as a scenario'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "shrink" -d 'The smallest scenario that still fails'
complete -c ace-replay -n "__fish_ace_replay_needs_command" -a "history" -d 'How scenarios came out so far'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand tools" -l loose -d 'Numbers in outputs may differ'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand tools" -l keep -d 'Leave the session it was run in'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand tools" -l json -d 'A line a call'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand tools" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand model" -s m -l model -d 'Who goes on' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand model" -l to -d 'The last line it sees (default: the last turn)' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand model" -l name -d 'Of session and branch' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand model" -l json -d 'Events'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand model" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -l change -d 'model=, mode=, prompt=, file:PATH=FILE' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -s n -l runs -d 'So many runs' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -l check -d 'Passes if CMD succeeds there, not if done' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -s j -l jobs -d 'So many at once' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -l keep -d 'Leave the forks'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -l json -d 'A line a run, then the sum'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand what-if" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -s j -l jobs -d 'So many at once, else one a core' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -l junit -d 'Results as build servers read them' -r -F
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -l pack -d 'Leave each session there, as ace unpack reads it' -r -F
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -l keep -d 'Leave what failed where it was run'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -l no-record -d 'Nothing goes into the history'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -l json -d 'A line a scenario'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand check" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand distil" -l about -d 'What it shows, one line' -r
complete -c ace-replay -n "__fish_ace_replay_using_subcommand distil" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand shrink" -s h -l help -d 'Print help'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand history" -l json -d 'The records'
complete -c ace-replay -n "__fish_ace_replay_using_subcommand history" -s h -l help -d 'Print help'
