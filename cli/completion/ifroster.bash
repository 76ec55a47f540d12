# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for ifroster(1)

# What is asked from the machine must neither fail loudly nor hang the prompt for long.
__ifroster_links() {
        ifroster list --json=short 2>/dev/null |
                sed -n 's/^{"Index":[0-9]*,"Incarnation":[0-9]*,"Name":"\([^"\\]*\)".*/\1/p'
}

_ifroster() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb= word i
        local verbs="list show addresses groups local default status selftab zone parse lookup which
                     source sort watch wait"
        local options="--json=short --json=pretty --no-legend --connect= --help --version"

        # bash cuts words at "=".
        if [[ $cur == "=" ]]; then
                cur=
        elif [[ $prev == "=" ]]; then
                prev=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        case $prev in
        --json)
                COMPREPLY=($(compgen -W "short pretty" -- "$cur"))
                return
                ;;
        --for)
                COMPREPLY=($(compgen -W "present carrier address routable" -- "$cur"))
                return
                ;;
        --mode)
                COMPREPLY=($(compgen -W "kernel model" -- "$cur"))
                return
                ;;
        --connect)
                compopt -o filenames 2>/dev/null
                COMPREPLY=($(compgen -f -- "$cur"))
                return
                ;;
        --timeout)
                return
                ;;
        esac

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ " "$verbs" " == *[[:space:]]"$word"[[:space:]]* ]]; then
                        verb=$word
                        break
                fi
        done

        if [[ $cur == -* ]]; then
                case $verb in
                show) options+=" --daemon" ;;
                local) options+=" --derived --plan9" ;;
                source) options+=" --mode=kernel --mode=model" ;;
                wait) options+=" --for=present --for=carrier --for=address --for=routable --timeout=" ;;
                esac
                COMPREPLY=($(compgen -W "$options" -- "$cur"))
                [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
                return
        fi
        case $verb in
        "")
                COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
                ;;
        show | addresses | groups | local | status | watch | wait | zone)
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$(__ifroster_links)" -- "$cur"))
                ;;
        esac
}

complete -F _ifroster ifroster
