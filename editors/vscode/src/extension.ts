/** What VS Code calls: the commands and what they are wired to. */

import { commands, window, workspace, type ExtensionContext } from "vscode";
import { showCard } from "./card";
import { Documents, SCHEME } from "./documents";
import { explain } from "./explain";
import { showMenu, statusBar } from "./menu";
import { Preview } from "./preview";
import { onPythonChange } from "./python";
import { Server } from "./server";
import { enable, isEnabled, toggleLanguage } from "./switches";

let server: Server | undefined;

export function activate(context: ExtensionContext): void {
  const served = (server = new Server());
  const documents = new Documents();
  const preview = new Preview(documents);
  const entries: Record<string, () => unknown> = {
    enable: () => enable(true),
    disable: () => enable(false),
    toggle: () => enable(!isEnabled()),
    toggleWorkspace: () => enable(!isEnabled(), true),
    toggleLanguage,
    explain: () => served.running && explain(served.running, documents, window.activeTextEditor),
    preview: () => {
      const [client, editor] = [served.running, window.activeTextEditor];
      return client && editor && preview.start(client, editor);
    },
    stopPreview: () => preview.stop(),
    card: () => served.found && showCard(served.found, documents),
    settings: () => commands.executeCommand("workbench.action.openSettings", "lstmLsp"),
    restart: () => served.restart(),
    log: () => served.log.show(),
    menu: () => showMenu(served),
  };
  context.subscriptions.push(
    served,
    preview,
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

export async function deactivate(): Promise<void> {
  await server?.stop();
}
