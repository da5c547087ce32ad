#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up everything the project needs; runs again at no cost. Picks a Python >= 3.11 and hands over to scripts/bootstrap.
set -eu
here=$(dirname "$0")

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

for python in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
    if usable "$python"; then
        exec "$python" "$here/bootstrap" "$@"
    fi
done

echo "setup: Python 3.11 or later was not found (tried ${PYTHON:-}${PYTHON:+ }python3.11 python3.12 python3.13 python3)." >&2
echo "setup: install it, for example: sudo apt-get install python3 python3-venv" >&2
echo "setup: or name it: make setup PYTHON=/path/to/python3" >&2
exit 5
