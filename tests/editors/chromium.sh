#!/bin/sh
# Sees that there is a Chromium for the tests in a browser, and prints its path.
#
# $LSTM_LSP_CHROMIUM, else the PATH's, else Debian's package. Without the right to install it, it
# says what is missing and fails: these tests are never skipped in silence.
set -eu

found() {
    command -v "${LSTM_LSP_CHROMIUM:-chromium}" || command -v chromium-browser
}

if ! found >/dev/null; then
    [ "$(id -u)" = 0 ] && as_root='' || as_root='sudo -n'
    echo 'installing Chromium ...' >&2
    { $as_root apt-get -qq update &&
        DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install --no-install-recommends \
            chromium fonts-dejavu-core; } >/dev/null || true
fi
found || {
    echo 'no Chromium for the tests: as root, apt-get install chromium;' \
        'or LSTM_LSP_CHROMIUM=PATH of one' >&2
    exit 1
}
