#!/bin/sh
# Runs the scripts of /docker-entrypoint.d in order, then becomes the command.
set -e
if [ "$1" = nginx ]; then
    for script in /docker-entrypoint.d/*.sh; do
        [ -x "$script" ] || continue
        echo "$0: running $script" >&2
        "$script"
    done
fi
exec "$@"
