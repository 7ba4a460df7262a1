/** What VS Code calls: the commands and what they are wired to. */

import { commands, window, workspace, type ExtensionContext } from "vscode";
import { showCard } from "./card";
import type { Client } from "./client";
import { Documents, SCHEME } from "./documents";
import { explain } from "./explain";
import { Explorer } from "./explore";
import type { Found } from "./locate";
import { showMenu, statusBar } from "./menu";
import { Overlay } from "./overlay";
import { Preview } from "./preview";
import { onPythonChange } from "./python";
import { Server } from "./server";
import { enable, isEnabled, toggleLanguage, toggleOverlay } from "./switches";
import { train } from "./training";

let server: Server | undefined;

export function activate(context: ExtensionContext): void {
  const served = (server = new Server());
  const documents = new Documents();
  const preview = new Preview(documents);
  const explorer = new Explorer();
  const withClient = (run: (client: Client) => unknown) => () =>
    served.running ? run(served.running) : sayNotRunning(served);
  const withProgram = (run: (found: Found) => unknown) => () =>
    served.found ? run(served.found) : sayNotRunning(served);
  const entries: Record<string, () => unknown> = {
    enable: () => enable(true),
    disable: () => enable(false),
    toggle: () => enable(!isEnabled()),
    toggleWorkspace: () => enable(!isEnabled(), true),
    toggleLanguage,
    explain: withClient((client) => explain(client, documents, window.activeTextEditor)),
    preview: withClient((client) => {
      const editor = window.activeTextEditor;
      return editor && preview.start(client, editor);
    }),
    stopPreview: () => preview.stop(),
    toggleOverlay,
    train: withClient(train),
    explore: withProgram((found) => explorer.open(found)),
    card: withProgram((found) => showCard(found, documents)),
    settings: () => commands.executeCommand("workbench.action.openSettings", "lstmLsp"),
    restart: () => served.restart(),
    log: () => served.log.show(),
    menu: () => showMenu(served),
  };
  context.subscriptions.push(
    served,
    preview,
    explorer,
    new Overlay(served),
    workspace.registerTextDocumentContentProvider(SCHEME, documents),
    ...statusBar(served),
    ...Object.entries(entries).map(([name, run]) =>
      commands.registerCommand(`lstm-lsp.${name}`, run),
    ),
    workspace.onDidGrantWorkspaceTrust(() => served.restart()),
    workspace.onDidChangeConfiguration((event) =>
      event.affectsConfiguration("lstmLsp.serverCommand") ? served.restart() : undefined,
    ),
  );
  void served.restart();
  void onPythonChange(() => void served.relocate()).then(
    (listener) => listener && context.subscriptions.push(listener),
  );
}

async function sayNotRunning(served: Server): Promise<void> {
  const [start, log] = ["Start Server", "Show Log"] as const;
  const choice = await window.showWarningMessage("The lstm-lsp server is not running.", start, log);
  if (choice === start) {
    await served.restart();
  } else if (choice === log) {
    served.log.show();
  }
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
