/**
 * Switching suggestions on and off: for the user, the workspace, one language; in the folder that
 * has its own setting.
 */

import { commands, window } from "vscode";
import { change, inFront, setting } from "./configuration";
import { LANGUAGES, toggled } from "./options";

export async function enable(enabled: boolean, inWorkspace = false): Promise<void> {
  await change("enabled", enabled, inWorkspace);
  await clear();
}

/** Whether suggestions are wanted in the document in front. */
export function isEnabled(): boolean {
  return setting("enabled", true, inFront());
}

export async function toggleLanguage(): Promise<void> {
  const language = window.activeTextEditor?.document.languageId;
  if (language !== undefined && LANGUAGES.includes(language)) {
    await change("languages", toggled(setting("languages", LANGUAGES, inFront()), language));
    await clear();
  }
}

/** Shade characters by how surprising they are, or no more. */
export async function toggleOverlay(): Promise<void> {
  await change("overlay", !setting("overlay", false, inFront()));
}

/** What is on screen goes at once. */
async function clear(): Promise<void> {
  await commands.executeCommand("editor.action.inlineSuggest.hide");
}
