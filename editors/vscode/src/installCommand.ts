/** The command that installs the server, to be run and to be shown. */

export interface InstallCommand {
  readonly program: string;
  readonly arguments: string[];
  /** As it is typed in a shell. */
  readonly shown: string;
}

/** Into the environment of `python`; without one into an environment of its own. */
export function installCommand(python: string | undefined): InstallCommand {
  if (python === undefined) {
    return { program: "pipx", arguments: ["install", "lstm-lsp"], shown: "pipx install lstm-lsp" };
  }
  const parameters = ["-m", "pip", "install", "lstm-lsp"];
  const quoted = /^[\w@%+=:,./\\-]+$/.test(python) ? python : `"${python}"`;
  return { program: python, arguments: parameters, shown: [quoted, ...parameters].join(" ") };
}
