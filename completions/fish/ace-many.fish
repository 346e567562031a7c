# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_many_global_optspecs
    string join \n q/quiet h/help V/version
end

function __fish_ace_many_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_many_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_many_using_subcommand
    set -l cmd (__fish_ace_many_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-many -n "__fish_ace_many_needs_command" -s q -l quiet -d 'Errors only'
complete -c ace-many -n "__fish_ace_many_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace-many -n "__fish_ace_many_needs_command" -s V -l version -d 'Print version'
complete -c ace-many -n "__fish_ace_many_needs_command" -f -a "map" -d 'A session for each task'
complete -c ace-many -n "__fish_ace_many_needs_command" -f -a "race" -d 'One task, the first to pass wins'
complete -c ace-many -n "__fish_ace_many_needs_command" -f -a "relay" -d 'One task: a plan, the work, a review'
complete -c ace-many -n "__fish_ace_many_needs_command" -f -a "compare" -d 'One task, all side by side'
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l from -d 'Lines of FILE in place of stdin' -r -F
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -s j -d 'So many at once (default: a core each)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l budget -d 'Of all together' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l budget-each -d 'Of each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l claims -d 'A path is of whoever changes it first'
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l retry -d 'Again what has failed'
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -l json -d 'A line of JSON each'
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -s q -l quiet -d 'Errors only'
complete -c ace-many -n "__fish_ace_many_using_subcommand map" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -s n -d 'So many of each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -s j -d 'So many at once (default: a core each)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l budget -d 'Of all together' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l budget-each -d 'Of each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -l json -d 'A line of JSON each'
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -s q -l quiet -d 'Errors only'
complete -c ace-many -n "__fish_ace_many_using_subcommand race" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l reviews -d 'Reviews at most (default 2)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -s j -d 'So many at once (default: a core each)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l budget -d 'Of all together' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l budget-each -d 'Of each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -l json -d 'A line of JSON each'
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -s q -l quiet -d 'Errors only'
complete -c ace-many -n "__fish_ace_many_using_subcommand relay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -s n -d 'So many of each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -s j -d 'So many at once (default: a core each)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l name -d 'Of the batch: it goes on where it stands' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l check -d 'Passed when CMD succeeds, again for each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l votes -d 'So many checks are enough (default all)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l rounds -d 'Turns until the checks pass (default 1)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -s m -l model -d 'Providers and models: A,B' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l mode -d 'plan, ask (default), edit, auto' -r -f -a "plan\t''
ask\t''
edit\t''
auto\t''"
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l base -d 'The worktrees start there (default HEAD)' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l budget -d 'Of all together' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l budget-each -d 'Of each' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l group -d 'Spend from the limits of this group, too' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l max-time -d 'Stop each after so much work: 90s, 10m, 2h' -r
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l unsandboxed -d 'Tools without a sandbox, recorded'
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -l json -d 'A line of JSON each'
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -s q -l quiet -d 'Errors only'
complete -c ace-many -n "__fish_ace_many_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
