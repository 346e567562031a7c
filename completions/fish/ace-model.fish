complete -c ace-model -l drafts-only -d 'Send back own drafts alone'
complete -c ace-model -s h -l help -d 'Print help'
complete -c ace-model -s V -l version -d 'Print version'
