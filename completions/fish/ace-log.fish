# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_log_global_optspecs
    string join \n h/help V/version
end

function __fish_ace_log_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_log_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_log_using_subcommand
    set -l cmd (__fish_ace_log_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-log -n "__fish_ace_log_needs_command" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_needs_command" -s V -l version -d 'Print version'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "append" -d 'Stamp and keep the drafts on stdin'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "join" -d 'Run FILTER on the log, keep what it adds'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "cat" -d 'Every line, then log.live'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "follow" -d 'Every line, and what comes'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "show" -d 'A line a record, for people'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "text" -d 'The answers alone'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "cost" -d 'What it cost, by turn and model'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "search" -d 'Words over all sessions'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "diff" -d 'What two sessions did differently'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "blame" -d 'Which call wrote a line, and why'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "query" -d 'Ask all sessions in SQL, read-only'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "verify" -d 'Chain, blobs, head'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "laws" -d 'Whether FILTER keeps the laws of a filter'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "scrub" -d 'The log anew without its secrets'
complete -c ace-log -n "__fish_ace_log_needs_command" -f -a "recover" -d 'A clean copy, the damaged one kept'
complete -c ace-log -n "__fish_ace_log_using_subcommand append" -l tee -d 'Print what was kept'
complete -c ace-log -n "__fish_ace_log_using_subcommand append" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand join" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand cat" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand follow" -l until -d 'End with the turn, or when only a person can go on' -r -f -a "turn\t'The running turn has ended and no message waits'
idle\t'Nothing goes on without a person'"
complete -c ace-log -n "__fish_ace_log_using_subcommand follow" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand show" -s v -l verbose -d 'With the data of each record'
complete -c ace-log -n "__fish_ace_log_using_subcommand show" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand text" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand cost" -l since -d 'Sessions that spoke since: 90m, 12h, 7d, a day' -r
complete -c ace-log -n "__fish_ace_log_using_subcommand cost" -l project -d 'Sessions of this project' -r
complete -c ace-log -n "__fish_ace_log_using_subcommand cost" -l json -d 'A line of JSON each'
complete -c ace-log -n "__fish_ace_log_using_subcommand cost" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand search" -l json -d 'A line of JSON each'
complete -c ace-log -n "__fish_ace_log_using_subcommand search" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand diff" -l whole -d 'Also what is the same'
complete -c ace-log -n "__fish_ace_log_using_subcommand diff" -l json -d 'A line of JSON each'
complete -c ace-log -n "__fish_ace_log_using_subcommand diff" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand blame" -l json -d 'A line of JSON'
complete -c ace-log -n "__fish_ace_log_using_subcommand blame" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand query" -l json -d 'A line of JSON each'
complete -c ace-log -n "__fish_ace_log_using_subcommand query" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand verify" -l anchor -d 'That line must still stand; alone: print it' -r
complete -c ace-log -n "__fish_ace_log_using_subcommand verify" -l note -d 'Note the head in git, at COMMIT or HEAD' -r
complete -c ace-log -n "__fish_ace_log_using_subcommand verify" -l noted -d 'What is noted in git must still stand'
complete -c ace-log -n "__fish_ace_log_using_subcommand verify" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand laws" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand scrub" -l remove -d 'Keep neither the old log nor its old blobs'
complete -c ace-log -n "__fish_ace_log_using_subcommand scrub" -s h -l help -d 'Print help'
complete -c ace-log -n "__fish_ace_log_using_subcommand recover" -l out -d 'Write the copy there, leave S as it is' -r -F
complete -c ace-log -n "__fish_ace_log_using_subcommand recover" -s h -l help -d 'Print help'
