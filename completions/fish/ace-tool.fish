# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_tool_global_optspecs
    string join \n drafts-only unrecorded unsandboxed h/help V/version
end

function __fish_ace_tool_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_tool_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_tool_using_subcommand
    set -l cmd (__fish_ace_tool_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-tool -n "__fish_ace_tool_needs_command" -l drafts-only -d 'Send back own drafts alone'
complete -c ace-tool -n "__fish_ace_tool_needs_command" -l unrecorded -d 'Act on drafts too: no log is behind'
complete -c ace-tool -n "__fish_ace_tool_needs_command" -l unsandboxed -d 'No sandbox, recorded with each call'
complete -c ace-tool -n "__fish_ace_tool_needs_command" -s h -l help -d 'Print help'
complete -c ace-tool -n "__fish_ace_tool_needs_command" -s V -l version -d 'Print version'
complete -c ace-tool -n "__fish_ace_tool_needs_command" -f -a "within" -d 'Run CMD where the tools of S run'
complete -c ace-tool -n "__fish_ace_tool_using_subcommand within" -l unsandboxed -d 'Without a sandbox'
complete -c ace-tool -n "__fish_ace_tool_using_subcommand within" -s h -l help -d 'Print help'
