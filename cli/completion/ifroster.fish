# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for ifroster(1)

function __ifroster_links
    ifroster list --json=short 2>/dev/null |
        string replace -rf '^\{"Index":\d+,"Incarnation":\d+,"Name":"([^"\\\\]*)".*' '$1'
end

set -l verbs list show addresses groups local default status selftab zone parse lookup which source sort watch wait
set -l none "not __fish_seen_subcommand_from $verbs"

complete -c ifroster -f
complete -c ifroster -n $none -a list -d 'Every link, one line each'
complete -c ifroster -n $none -a show -d 'All that is known of a link'
complete -c ifroster -n $none -a addresses -d 'Addresses with flags and lifetimes'
complete -c ifroster -n $none -a groups -d 'Multicast memberships with users'
complete -c ifroster -n $none -a local -d "The addresses that are this machine's"
complete -c ifroster -n $none -a default -d 'The default routes, best first'
complete -c ifroster -n $none -a status -d "Plan 9's status file"
complete -c ifroster -n $none -a selftab -d "Plan 9's selftab file"
complete -c ifroster -n $none -a zone -d 'The link that a zone means'
complete -c ifroster -n $none -a parse -d 'Check, classify and normalise an address'
complete -c ifroster -n $none -a lookup -d 'Is it mine, of what type, on which links'
complete -c ifroster -n $none -a which -d 'The link that reaches an address, and why'
complete -c ifroster -n $none -a source -d 'The source address, every candidate, the rules'
complete -c ifroster -n $none -a sort -d 'Destinations in the order of RFC 6724'
complete -c ifroster -n $none -a watch -d 'Changes as they happen'
complete -c ifroster -n $none -a wait -d 'Wait until a link is as it should be'

complete -c ifroster -n '__fish_seen_subcommand_from show addresses groups local status zone watch wait' -a '(__ifroster_links)' -d Link

complete -c ifroster -l json -x -a 'short pretty' -d 'Records'
complete -c ifroster -l no-legend -d 'No line of headings'
complete -c ifroster -l connect -r -F -d "The daemon's Varlink socket"
complete -c ifroster -s h -l help -d 'Summary'
complete -c ifroster -l version -d 'Version'
complete -c ifroster -n '__fish_seen_subcommand_from show' -l daemon -d 'The daemon itself'
complete -c ifroster -n '__fish_seen_subcommand_from local' -l derived -d 'By the rules of Plan 9'
complete -c ifroster -n '__fish_seen_subcommand_from local' -l plan9 -d "The text of Plan 9's file"
complete -c ifroster -n '__fish_seen_subcommand_from source' -l mode -x -a 'kernel model' -d 'Who decides'
complete -c ifroster -n '__fish_seen_subcommand_from wait' -l for -x -a 'present carrier address routable' -d 'Condition'
complete -c ifroster -n '__fish_seen_subcommand_from wait' -l timeout -x -d 'Seconds'
