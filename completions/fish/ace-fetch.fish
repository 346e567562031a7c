complete -c ace-fetch -l drafts-only -d 'Send back own drafts alone'
complete -c ace-fetch -l unrecorded -d 'Act on drafts too, where no log stands behind the pipe'
complete -c ace-fetch -s h -l help -d 'Print help'
complete -c ace-fetch -s V -l version -d 'Print version'
