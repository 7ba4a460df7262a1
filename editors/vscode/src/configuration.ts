/** The user's settings, read and written. */

import { ConfigurationTarget, workspace } from "vscode";
import { SECTION, serverOptions, type Options } from "./options";

/** What the server is told, as it stands now. */
export function currentOptions(): Options {
  const section = workspace.getConfiguration(SECTION);
  return serverOptions((name) => section.get(name));
}

export function setting<T>(name: string, missing: T): T {
  return workspace.getConfiguration(SECTION).get(name, missing);
}

/** Change a setting where it is set: in the workspace if it is set there, else for the user. */
export async function change(name: string, value: unknown, inWorkspace = false): Promise<void> {
  const section = workspace.getConfiguration(SECTION);
  const here = inWorkspace || section.inspect(name)?.workspaceValue !== undefined;
  const target = here ? ConfigurationTarget.Workspace : ConfigurationTarget.Global;
  await section.update(name, value, target);
}
