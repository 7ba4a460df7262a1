/** Switching suggestions on and off: for the user, the workspace, one language. */

import { commands, window } from "vscode";
import { change, setting } from "./configuration";
import { LANGUAGES, toggled } from "./options";

export async function enable(enabled: boolean, inWorkspace = false): Promise<void> {
  await change("enabled", enabled, inWorkspace);
  await clear();
}

export function isEnabled(): boolean {
  return setting("enabled", true);
}

export async function toggleLanguage(): Promise<void> {
  const language = window.activeTextEditor?.document.languageId;
  if (language !== undefined && LANGUAGES.includes(language)) {
    await change("languages", toggled(setting("languages", LANGUAGES), language));
    await clear();
  }
}

/** Shade characters by how surprising they are, or no more. */
export async function toggleOverlay(): Promise<void> {
  await change("overlay", !setting("overlay", false));
}

/** What is on screen goes at once. */
async function clear(): Promise<void> {
  await commands.executeCommand("editor.action.inlineSuggest.hide");
}
