/** The user's settings, read and written, each where it counts: a folder can have its own. */

import { ConfigurationTarget, window, workspace, type Uri } from "vscode";
import { SECTION, serverOptions, type Options } from "./options";

/** A folder or file whose settings count; null for what lies in no folder. */
export type Scope = Uri | null;

/** What the server is told of `scope`, as it stands now. */
export function currentOptions(scope: Scope): Options {
  const section = workspace.getConfiguration(SECTION, scope);
  return serverOptions((name) => section.get(name));
}

export function setting<T>(name: string, missing: T, scope: Scope): T {
  return workspace.getConfiguration(SECTION, scope).get(name, missing);
}

/** The document in front, whose settings are meant where the user names none. */
export function inFront(): Scope {
  return window.activeTextEditor?.document.uri ?? null;
}

/**
 * Change a setting for the document in front, where it is set now: in its folder, in the workspace
 * (there in any case if `inWorkspace`), else for the user.
 */
export async function change(name: string, value: unknown, inWorkspace = false): Promise<void> {
  const section = workspace.getConfiguration(SECTION, inFront());
  const set = section.inspect(name);
  if (set?.workspaceFolderValue !== undefined) {
    await section.update(name, value, ConfigurationTarget.WorkspaceFolder);
  } else if (inWorkspace || set?.workspaceValue !== undefined) {
    await section.update(name, value, ConfigurationTarget.Workspace);
  } else {
    await section.update(name, value, ConfigurationTarget.Global);
  }
}
