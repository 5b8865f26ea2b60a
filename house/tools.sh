#!/bin/sh
# Say in one sentence which tool is missing, before anything is installed.
say() {
    echo "unisono: $1" >&2
    exit 1
}

"${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    say "Python 3.11 or newer is needed as '${PYTHON:-python3}'; install it, or name another one: make PYTHON=/path/to/python3.11"
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null ||
    say "'${PYTHON:-python3}' cannot make virtual environments; install its venv package (Debian: python3-venv) and run make again."
command -v node >/dev/null 2>&1 ||
    say "Node 20 or newer is needed and 'node' was not found; install it and run make again."
node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' ||
    say "Node 20 or newer is needed, this is $(node --version); install a newer one and run make again."
command -v npm >/dev/null 2>&1 ||
    say "npm is needed and was not found; install it with Node and run make again."
