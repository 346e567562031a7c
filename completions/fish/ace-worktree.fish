# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ace_worktree_global_optspecs
    string join \n h/help V/version
end

function __fish_ace_worktree_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ace_worktree_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ace_worktree_using_subcommand
    set -l cmd (__fish_ace_worktree_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -s V -l version -d 'Print version'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "create" -d 'A new one on a new branch; prints where'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "list" -d 'The worktrees of this repository'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "diff" -d 'What was changed there'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "at" -d 'The files of a moment, in a folder'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "bisect" -d 'The first step after which CMD fails'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "rebase" -d 'Put the steps together anew'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "land" -d 'Bring the work to its branch of origin'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "remove" -d 'Remove one worktree, keep its branch'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "recover" -d 'Bring back one that is gone or broken'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "lock" -d 'Keep a worktree from prune and remove'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "unlock" -d 'Let prune and remove have it'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "mirror" -d 'Its states as commits under refs/ace/'
complete -c ace-worktree -n "__fish_ace_worktree_needs_command" -f -a "prune" -d 'Remove what is merged or nobody\'s'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand create" -l base -d 'Start there (default HEAD)' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand create" -l from -d 'With the files of a session, S or S@LINE' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand create" -l carry -d 'Bring uncommitted changes along'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand create" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand list" -l json -d 'A line of JSON each'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand list" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand diff" -l stat -d 'Paths and counts only'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand diff" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand at" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand bisect" -l repeat -d 'Run CMD N times, one failure is enough' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand bisect" -l json -d 'A line of JSON'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand bisect" -l good-after -d 'The first step after which CMD succeeds'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand bisect" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand rebase" -l drop -d 'Without this step, again for each' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand rebase" -l todo -d 'The changed list; - for stdin' -r -F
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand rebase" -s i -l interactive -d 'Change the list in your editor'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand rebase" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l onto -d 'Another branch than the one it came from' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l patch -d 'With --branch: its commits for git am, - is stdout' -r -F
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l remote -d 'With --pr: push there' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -s m -l message -d 'Message of the commit that is made' -r
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l merge -d 'Merge, whatever is configured'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l squash -d 'As one commit'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l rebase -d 'Its commits one by one on top'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l branch -d 'Only commit, on its own branch'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -l pr -d 'Push, and open a pull request by your gh or glab'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand land" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand remove" -l force -d 'Also when uncommitted changes are lost'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand remove" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand recover" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand lock" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand unlock" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand mirror" -s h -l help -d 'Print help'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand prune" -s n -l dry-run -d 'Say what would go'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand prune" -l anchored -d 'Also what a record holds as it is now'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand prune" -l states -d 'Old states that no record of this home names'
complete -c ace-worktree -n "__fish_ace_worktree_using_subcommand prune" -s h -l help -d 'Print help'
