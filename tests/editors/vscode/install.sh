#!/bin/sh
# Installs the VS Code that tests/editors/vscode drives, from npm's code-server, without a compiler.
#
#   tests/editors/vscode/install.sh [FOLDER] [VERSION]
#
# FOLDER defaults to .work/vscode under the repository root, VERSION to 4.139.1, which is VS Code
# 1.139 and runs on Node 24. npm is the PATH's. Idempotent. Prints the folder that LSTM_LSP_VSCODE
# has to name if it is not the default one.
set -eu

root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=${1:-$root/.work/vscode}
version=${2:-4.139.1}
code="$folder/node_modules/code-server/lib/vscode"

if [ ! -e "$folder/installed-$version" ]; then
    echo "installing VS Code (code-server $version) ..." >&2
    rm -rf "$folder"
    mkdir -p "$folder"
    # The native modules are optional at run time: only log files and the terminal need them.
    npm install --prefix "$folder" --ignore-scripts --no-save --silent "code-server@$version"
    (cd "$code" && npm install --omit=dev --ignore-scripts --silent)
    rm -rf "$code"/node_modules/@github/copilot-sdk* "$code/node_modules/@microsoft/mxc-sdk" \
        "$code/node_modules/@vscode/windows-process-tree" \
        "$code/extensions/copilot" "$code/extensions/mermaid-markdown-features"
    touch "$folder/installed-$version"
fi
echo "$code"
