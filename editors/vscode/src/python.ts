/** The Python environment that is active, as the Python extension knows it, if it is there. */

import { extensions, workspace, type Disposable, type Event, type Uri } from "vscode";

/** The part of the Python extension's API that is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri: Uri | undefined } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: Event<unknown>;
  };
}

/** The interpreter of the active environment. Never one that an untrusted folder chose. */
export async function activePython(): Promise<string | undefined> {
  if (!workspace.isTrusted) {
    return undefined;
  }
  try {
    const environments = (await api())?.environments;
    const path = environments?.getActiveEnvironmentPath(workspace.workspaceFolders?.[0]?.uri);
    const environment = path && (await environments?.resolveEnvironment(path));
    return environment?.executable.uri?.fsPath;
  } catch {
    return undefined; // an extension in trouble; the PATH is still there
  }
}

/** Call `listener` whenever another environment becomes active. */
export async function onPythonChange(listener: () => void): Promise<Disposable | undefined> {
  try {
    return (await api())?.environments.onDidChangeActiveEnvironmentPath(listener);
  } catch {
    return undefined;
  }
}

async function api(): Promise<PythonApi | undefined> {
  return extensions.getExtension<PythonApi>("ms-python.python")?.activate();
}
