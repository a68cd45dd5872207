#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Talks to the manager's console with netcat: each word of the command line is a line's word (docs/console.md).
#
#   farm.sh clients idle        farm.sh disable alpha now        farm.sh run /shots/a.blend frames=1-10
#
# The console is at 127.0.0.1, port 6000, or where BRENDER_CONSOLE (address:port) says. netcat-openbsd's -N closes our
# half once the line is sent: the console then answers what it was asked, and closes.
set -eu
place=${BRENDER_CONSOLE:-127.0.0.1:6000}

# with --json the answer is one line, and whether it went well can be seen in it; the prompts are no part of it
answer=$(printf '%s --json\n' "$*" | nc -N "${place%:*}" "${place##*:}") || {
    echo "No console answers at $place." >&2
    exit 1
}
answer=$(printf '%s\n' "$answer" | sed -n 's/^\(> \)*{/{/p')
printf '%s\n' "$answer"
case $answer in '{"ok":true'*) ;; *) exit 1 ;; esac
