# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_model_global_optspecs
    string join \n drafts-only record= play= h/help V/version
end

function __fish_ace_model_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_model_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_model_using_subcommand
    set -l cmd (__fish_ace_model_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-model -n "__fish_ace_model_needs_command" -l record -d 'Keep the answers, for -m recorded/DIR' -r -F
complete -c ace-model -n "__fish_ace_model_needs_command" -l play -d 'A recording that may be read' -r -F
complete -c ace-model -n "__fish_ace_model_needs_command" -l drafts-only -d 'Send back own drafts alone'
complete -c ace-model -n "__fish_ace_model_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace-model -n "__fish_ace_model_needs_command" -s V -l version -d 'Print version'
complete -c ace-model -n "__fish_ace_model_needs_command" -f -a "list" -d 'Providers, their keys and models'
complete -c ace-model -n "__fish_ace_model_needs_command" -f -a "check" -d 'One tiny call: how soon, and whether with tools'
complete -c ace-model -n "__fish_ace_model_using_subcommand list" -l json -d 'A line of JSON each'
complete -c ace-model -n "__fish_ace_model_using_subcommand list" -s h -l help -d 'Print help'
complete -c ace-model -n "__fish_ace_model_using_subcommand check" -l json -d 'As JSON'
complete -c ace-model -n "__fish_ace_model_using_subcommand check" -s h -l help -d 'Print help'
