/** The status bar's item and the menu behind it. */

import {
  commands,
  QuickPickItemKind,
  StatusBarAlignment,
  ThemeColor,
  window,
  workspace,
  type Disposable,
  type QuickPickItem,
} from "vscode";
import { inFront, setting } from "./configuration";
import { LANGUAGES } from "./options";
import { facts, present, type Here } from "./presentation";
import type { Server } from "./server";
import { isEnabled } from "./switches";
import { STATUS, type Status } from "./wire";

export function statusBar(server: Server): Disposable[] {
  const item = window.createStatusBarItem("lstm-lsp", StatusBarAlignment.Right, 100);
  item.name = "LSTM completion";
  item.command = "lstm-lsp.menu";
  const show = (): void => {
    const shown = present(server.status, here());
    item.text = shown.text;
    item.tooltip = shown.tooltip;
    item.backgroundColor = shown.attention
      ? new ThemeColor("statusBarItem.warningBackground")
      : undefined;
    void commands.executeCommand("setContext", "lstm-lsp.running", server.running !== undefined);
  };
  show();
  item.show();
  return [
    item,
    server.onStatus(show),
    window.onDidChangeActiveTextEditor(show),
    workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("lstmLsp") && show()),
  ];
}

interface Entry extends QuickPickItem {
  readonly command?: string;
}

export async function showMenu(server: Server): Promise<void> {
  const status = await latest(server);
  const language = here().language;
  const served = language !== undefined && LANGUAGES.includes(language);
  const entries: (Entry | false)[] = [
    { label: isEnabled() ? "Disable" : "Enable", command: "lstm-lsp.toggle" },
    workspace.workspaceFolders !== undefined && {
      label: `${isEnabled() ? "Disable" : "Enable"} in this workspace`,
      command: "lstm-lsp.toggleWorkspace",
    },
    served && {
      label: `${here().languages.includes(language) ? "Disable" : "Enable"} for ${language}`,
      command: "lstm-lsp.toggleLanguage",
    },
    { label: "", kind: QuickPickItemKind.Separator },
    { label: "Explain last suggestion", command: "lstm-lsp.explain" },
    { label: "Preview what would be written from here", command: "lstm-lsp.preview" },
    { label: "Shade surprising characters, or no more", command: "lstm-lsp.toggleOverlay" },
    { label: "", kind: QuickPickItemKind.Separator },
    workspace.workspaceFolders !== undefined && {
      label: "Train on this project",
      command: "lstm-lsp.train",
    },
    { label: "Open explorer", command: "lstm-lsp.explore" },
    { label: "Show model card", command: "lstm-lsp.card" },
    { label: "", kind: QuickPickItemKind.Separator },
    { label: "Settings", command: "lstm-lsp.settings" },
    { label: "Restart server", command: "lstm-lsp.restart" },
    { label: "Show log", command: "lstm-lsp.log" },
  ];
  const title = present(status, here()).tooltip.split("\n")[0] ?? "";
  const placeHolder = facts(status).join(" · ");
  const choice = await window.showQuickPick(
    entries.filter((entry) => entry !== false),
    { title, placeHolder },
  );
  if (choice?.command) {
    await commands.executeCommand(choice.command);
  }
}

/** The status as it is now; as it was last told if the server does not answer. */
async function latest(server: Server): Promise<Status> {
  try {
    return (await server.running?.sendRequest<Status>(STATUS)) ?? server.status;
  } catch {
    return server.status;
  }
}

/** The document in front; a panel such as the log is none. */
function here(): Here {
  const document = window.activeTextEditor?.document;
  return {
    language: document?.uri.scheme === "output" ? undefined : document?.languageId,
    languages: setting("languages", LANGUAGES, inFront()),
    enabled: isEnabled(),
  };
}
