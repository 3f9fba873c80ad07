#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What TAB offers in bash and zsh: the program's commands and options, all of them, and what they take.
. "$(dirname "$0")/../lab/lib.sh"

for shell in bash zsh; do
	"$LAB_REPO/scripts/completion" "$shell" "$LAB_MTUSCOPE" >"$LAB_DIR/_mtuscope.$shell" || bail_out "no completion for $shell"
done
touch "$LAB_DIR/one file"
mkdir "$LAB_DIR/one dir"

# --- bash ----------------------------------------------------------------------

# offers WORD...: what bash offers for the last word, between bars. The completion is read inside a function, as
# bash-completion does.
offers()
{
	# shellcheck disable=SC2016 # for the other shell
	bash --norc -c '
		load() { . "$1"; }
		load "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_mtuscope
		printf "%s|" "${COMPREPLY[@]}"' bash "$LAB_DIR/_mtuscope.bash" mtuscope "$@"
}

commands=$("$LAB_MTUSCOPE" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { printf "%s|", $1 }')
is "$(offers "")" "$commands" "bash: the commands"
is "$(offers se)" "serve|" "bash: the one that begins so"
for command in ${commands//|/ }; do
	is "$(offers "$command" --)" "$("$LAB_MTUSCOPE" "$command" --help |
		awk '/^ +-/ { for (i = 1; i <= 2; i++) if ($i ~ /^--/) { printf "%s|", $i; break } }')" "bash: the options of $command"
done
is "$(offers --dur)" "--duration|" "bash: those of the default command"
is "$(offers serve --format oc)" "ocsf|" "bash: formats"
is "$(offers -i lo)" "lo|" "bash: interfaces"
is "$(offers fix lo)" "lo|" "bash: interfaces without an option"
is "$(offers report "$LAB_DIR/one")" "$(cd / && compgen -f -- "$LAB_DIR/one" | tr '\n' '|')" "bash: files"
is "$(offers serve --textfile "$LAB_DIR/one")" "$LAB_DIR/one dir|" "bash: directories"
is "$(offers watch --duration "")" "|" "bash: no guesses"

# --- zsh -----------------------------------------------------------------------

check "zsh reads it" zsh -n "$LAB_DIR/_mtuscope.zsh"

# completes TEXT: the line after TAB, in an interactive zsh on a terminal of its own.
mkdir "$LAB_DIR/zsh"
cp "$LAB_DIR/_mtuscope.zsh" "$LAB_DIR/zsh/_mtuscope"
cat >"$LAB_DIR/.zshrc" <<'END'
fpath=($ZDOTDIR/zsh $fpath)
autoload -Uz compinit
compinit -D -u
unsetopt beep
bindkey '^I' complete-word
show() { print -r -- $BUFFER >$ZDOTDIR/line.new; mv $ZDOTDIR/line.new $ZDOTDIR/line; exit }
zle -N show
bindkey '^X' show
zle-line-init() { touch $ZDOTDIR/ready }
zle -N zle-line-init
END

completes()
{
	rm -f "$LAB_DIR"/{line,ready}
	# shellcheck disable=SC2016 # for zsh
	ZDOTDIR=$LAB_DIR TERM=dumb timeout 30 zsh -f -c '
		zmodload zsh/zpty
		zpty shell zsh -d -i
		until [[ -e $ZDOTDIR/ready ]] { zpty -rt shell >/dev/null; sleep 0.05 }
		zpty -wn shell "$1"$'"'\\t\\x18'"'
		until [[ -e $ZDOTDIR/line ]] { zpty -rt shell >/dev/null; sleep 0.05 }
		print -r -- $(<$ZDOTDIR/line)' zsh "$1"
}

is "$(completes "mtuscope ser")" "mtuscope serve" "zsh: commands"
is "$(completes "mtuscope --dur")" "mtuscope --duration" "zsh: options of the default command"
is "$(completes "mtuscope serve --check")" "mtuscope serve --check-config" "zsh: options of a command"
is "$(completes "mtuscope serve --format oc")" "mtuscope serve --format ocsf" "zsh: formats"
is "$(completes "mtuscope serve --textfile $LAB_DIR/one")" "mtuscope serve --textfile $LAB_DIR/one\\ dir/" "zsh: directories"
done_testing
