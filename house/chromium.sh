#!/bin/sh
# Print the path of a Chromium for the browser tests; install Debian's where that is allowed.
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && command -v "$name" 2>/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's chromium for the browser tests ..." >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1
    command -v chromium && exit 0
fi
echo "unisono: NO CHROMIUM: it was not found and could not be installed; whatever needs a browser says so below." >&2
exit 1
