complete -c ace-redact -l text -d 'Plain text instead of events'
complete -c ace-redact -s h -l help -d 'Print help'
complete -c ace-redact -s V -l version -d 'Print version'
