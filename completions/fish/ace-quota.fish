# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_quota_global_optspecs
    string join \n drafts-only h/help V/version
end

function __fish_ace_quota_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_quota_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_quota_using_subcommand
    set -l cmd (__fish_ace_quota_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-quota -n "__fish_ace_quota_needs_command" -l drafts-only -d 'Send back own drafts alone'
complete -c ace-quota -n "__fish_ace_quota_needs_command" -s h -l help -d 'Print help'
complete -c ace-quota -n "__fish_ace_quota_needs_command" -s V -l version -d 'Print version'
complete -c ace-quota -n "__fish_ace_quota_needs_command" -f -a "check" -d 'Whether something is left'
complete -c ace-quota -n "__fish_ace_quota_needs_command" -f -a "show" -d 'Limits, and what is spent of them'
complete -c ace-quota -n "__fish_ace_quota_needs_command" -f -a "rebuild" -d 'Tell the ledger anew from the logs'
complete -c ace-quota -n "__fish_ace_quota_using_subcommand check" -l group -d 'Of this group, too' -r
complete -c ace-quota -n "__fish_ace_quota_using_subcommand check" -l session -d 'Of this session and all that limits it' -r
complete -c ace-quota -n "__fish_ace_quota_using_subcommand check" -l amount -d 'So much money (default: anything)' -r
complete -c ace-quota -n "__fish_ace_quota_using_subcommand check" -s h -l help -d 'Print help'
complete -c ace-quota -n "__fish_ace_quota_using_subcommand show" -l session -d 'Those of this session' -r
complete -c ace-quota -n "__fish_ace_quota_using_subcommand show" -l json -d 'A line of JSON each'
complete -c ace-quota -n "__fish_ace_quota_using_subcommand show" -s h -l help -d 'Print help'
complete -c ace-quota -n "__fish_ace_quota_using_subcommand rebuild" -s h -l help -d 'Print help'
