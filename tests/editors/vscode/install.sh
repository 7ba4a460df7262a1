#!/bin/sh
# Installs the VS Code that tests/editors/vscode drives, from npm's code-server, without a compiler.
#
#   tests/editors/vscode/install.sh [FOLDER] [VERSION]
#
# FOLDER defaults to .work/vscode under the repository root, VERSION to 4.100.3, which is VS Code
# 1.100 and runs on Node 20; 4.139.1 is VS Code 1.139 and needs Node 24. Idempotent. Prints the
# folder that LSTM_LSP_VSCODE has to name. Chromium and playwright are not installed here.
set -eu

root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=${1:-$root/.work/vscode}
version=${2:-4.100.3}
code="$folder/node_modules/code-server/lib/vscode"

if [ ! -e "$folder/installed-$version" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    # The native modules are optional at run time: only log files and the terminal need them.
    npm install --prefix "$folder" --ignore-scripts --no-save --silent "code-server@$version"
    (cd "$code" && npm install --omit=dev --ignore-scripts --silent)
    rm -rf "$code"/node_modules/@github/copilot-sdk* "$code/node_modules/@microsoft/mxc-sdk" \
        "$code/extensions/copilot" "$code/extensions/mermaid-markdown-features"
    touch "$folder/installed-$version"
fi
echo "$code"
