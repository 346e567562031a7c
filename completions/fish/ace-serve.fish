complete -c ace-serve -l listen -d 'Listen there; without TLS on loopback only' -r
complete -c ace-serve -l unix -d 'Listen on a Unix socket instead' -r -F
complete -c ace-serve -l tls-cert -d 'Certificates for TLS, PEM' -r -F
complete -c ace-serve -l tls-key -d 'Their key, PEM' -r -F
complete -c ace-serve -l dev-origin -d 'Pages of this origin count as our own, to develop them' -r
complete -c ace-serve -l terminal -d 'Terminals in worktrees may be opened'
complete -c ace-serve -l new-token -d 'A new link; the old one and every login end'
complete -c ace-serve -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ace-serve -s V -l version -d 'Print version'
