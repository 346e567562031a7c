# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_permit_global_optspecs
    string join \n drafts-only h/help V/version
end

function __fish_ace_permit_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_permit_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_permit_using_subcommand
    set -l cmd (__fish_ace_permit_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-permit -n "__fish_ace_permit_needs_command" -l drafts-only -d 'Send back own drafts alone'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -s V -l version -d 'Print version'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "allow" -d 'Let a waiting call run'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "ask" -d 'Answer what waits, here and now'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "deny" -d 'Refuse a waiting call'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "effect" -d 'See what a waiting call does, in a copy'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "explain" -d 'How a call would be decided, and why'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "test" -d 'Run the examples that rules carry'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "try" -d 'What other rules would have decided'
complete -c ace-permit -n "__fish_ace_permit_needs_command" -f -a "learn" -d 'Propose rules from what people decided'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -l why -d 'Words that the model reads' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -l rule -d 'The rule for such calls, in place of the one proposed' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -l answer -d 'The answer to what the model asks, or its number' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -l session -d 'Such calls too, while the session goes on'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -l project -d 'Such calls too, in this project'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -l always -d 'Such calls too, everywhere'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand allow" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand ask" -l client -d 'Be asked in place of the user, under this name' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand ask" -l json -d 'Questions and answers, a JSON line each'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand ask" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand deny" -l why -d 'Words that the model reads' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand deny" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand effect" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand explain" -l shell -d 'The same' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand explain" -l call -d 'Any call: tool, args and if need be source' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand explain" -l rules -d 'These rules alone' -r -F
complete -c ace-permit -n "__fish_ace_permit_using_subcommand explain" -l mode -d 'plan, ask, edit or auto' -r
complete -c ace-permit -n "__fish_ace_permit_using_subcommand explain" -l json -d 'One JSON line'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand explain" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand test" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand try" -s h -l help -d 'Print help'
complete -c ace-permit -n "__fish_ace_permit_using_subcommand learn" -s h -l help -d 'Print help'
