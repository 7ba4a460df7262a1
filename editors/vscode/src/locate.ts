/** Where the server is: the setting, the active Python environment, the PATH. Starts nothing. */

import { posix, win32 } from "node:path";

/** What this needs to know of the machine. */
export interface Machine {
  readonly platform: string;
  readonly path: string;
  isProgram(file: string): boolean;
}

/** The command that runs lstm-lsp, without a subcommand, and where it was found. */
export interface Found {
  readonly command: readonly [string, ...string[]];
  readonly source: "setting" | "environment" | "path";
}

/**
 * The installed script is preferred to `python -m`: it is seen without starting Python, and
 * it never puts the workspace's folder on the import path.
 */
export function locate(
  setting: readonly string[],
  python: string | undefined,
  machine: Machine,
): Found | undefined {
  const [program, ...rest] = setting;
  if (program) {
    return { command: [program, ...rest], source: "setting" };
  }
  const beside = python === undefined ? [] : scriptsBeside(python, machine.platform);
  const inEnvironment = beside.find((file) => machine.isProgram(file));
  if (inEnvironment) {
    return { command: [inEnvironment], source: "environment" };
  }
  const onPath = scriptsOnPath(machine).find((file) => machine.isProgram(file));
  return onPath ? { command: [onPath], source: "path" } : undefined;
}

/** Where the script of the environment of `python` can be. */
export function scriptsBeside(python: string, platform: string): string[] {
  if (platform !== "win32") {
    return [posix.join(posix.dirname(python), "lstm-lsp")];
  }
  const folder = win32.dirname(python); // of a virtual environment Scripts, of others above it
  return [win32.join(folder, "lstm-lsp.exe"), win32.join(folder, "Scripts", "lstm-lsp.exe")];
}

/** Relative entries are left out: they would mean folders of the workspace. */
function scriptsOnPath({ platform, path }: Machine): string[] {
  const { delimiter, isAbsolute, join } = platform === "win32" ? win32 : posix;
  const name = platform === "win32" ? "lstm-lsp.exe" : "lstm-lsp";
  return path
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name));
}
