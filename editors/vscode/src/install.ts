/** Offers to install the server when there is none. */

import {
  commands,
  env,
  ProcessExecution,
  Task,
  tasks,
  TaskScope,
  window,
  type Disposable,
} from "vscode";
import { installCommand } from "./installCommand";

/** Ask the user; return whether the server was installed. */
export async function offerInstall(python: string | undefined): Promise<boolean> {
  const command = installCommand(python);
  const [install, copy, settings] = ["Install", "Copy Command", "Open Settings"] as const;
  const choices = python === undefined ? [copy, settings] : [install, copy, settings];
  const message = `The lstm-lsp server was not found. It is installed by: ${command.shown}`;
  const choice = await window.showWarningMessage(message, ...choices);
  if (choice === copy) {
    await env.clipboard.writeText(command.shown);
  } else if (choice === settings) {
    await commands.executeCommand("workbench.action.openSettings", "lstmLsp.serverCommand");
  } else if (choice === install) {
    return (await runInTerminal(command.program, command.arguments)) === 0;
  }
  return false;
}

/** Run a program where the user can see it and stop it; return its exit status. */
async function runInTerminal(program: string, parameters: string[]): Promise<number | undefined> {
  const task = new Task(
    { type: "lstm-lsp" },
    TaskScope.Global,
    "install lstm-lsp",
    "LSTM",
    new ProcessExecution(program, parameters), // no shell, so nothing to quote
  );
  let listener: Disposable | undefined;
  const ended = new Promise<number | undefined>((resolve) => {
    listener = tasks.onDidEndTaskProcess((event) => {
      if (event.execution.task.definition.type === task.definition.type) {
        resolve(event.exitCode);
      }
    });
  });
  try {
    await tasks.executeTask(task);
    return await ended;
  } finally {
    listener?.dispose();
  }
}
