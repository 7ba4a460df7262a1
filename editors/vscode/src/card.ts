/** The model's card, as `lstm-lsp info` prints it. */

import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { promisify } from "node:util";
import { window } from "vscode";
import { setting } from "./configuration";
import type { Documents } from "./documents";
import type { Found } from "./locate";
import { message, trustedFolder } from "./server";

export async function showCard(found: Found, documents: Documents): Promise<void> {
  const [program, ...parameters] = found.command;
  const model = setting("model", "", null);
  const all = [...parameters, "info", ...(model ? ["--model", model] : [])];
  try {
    const options = { cwd: trustedFolder() ?? homedir(), timeout: 60_000 };
    const { stdout } = await promisify(execFile)(program, all, options);
    await window.showTextDocument(documents.write("model card", stdout));
  } catch (error) {
    void window.showErrorMessage(`No model card: ${reason(error)}`);
  }
}

/** The line on stderr that says why, if there is one. */
function reason(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr?.split("\n").at(-1) || message(error);
}
