/**
 * Tests inside the extension host: the packaged extension, asked through VS Code's own API.
 *
 * VS Code calls `run` (its `extensionTestsPath`); how each test ended goes as one line of JSON to
 * the port that LSTM_LSP_REPORT names. `test_hosted.py` prepares the workspace and waits for it.
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import {
  commands,
  ConfigurationTarget,
  extensions,
  window,
  workspace,
  type CompletionList,
  type TextDocument,
  type WorkspaceFolder,
} from "vscode";

const PATIENCE = 40_000; // ms

const tests: Record<string, () => Promise<void>> = {
  "every command of the manifest is there": async () => {
    const extension = extensions.getExtension("lstm-lsp.lstm-lsp");
    assert.ok(extension, "the extension is installed");
    await extension.activate();
    const there = new Set(await commands.getCommands(true));
    const offered: { command: string }[] = extension.packageJSON.contributes.commands;
    assert.deepEqual(offered.map(({ command }) => command).filter((one) => !there.has(one)), []);
  },

  "a folder's own settings count in it alone": async () => {
    await offersSomething(await open("on"));
    await offersNothing(await open("off"));
  },

  "a folder's settings are heeded as soon as they change": async () => {
    await set("on", false);
    await set("off", true);
    await offersSomething(await open("off"));
    await offersNothing(await open("on"));
    await set("on", undefined);
    await set("off", false);
    await offersSomething(await open("on"));
    await offersNothing(await open("off"));
  },

  "the toggle changes the setting where it is set": async () => {
    await window.showTextDocument(await open("off"));
    await commands.executeCommand("lstm-lsp.toggle");
    const section = workspace.getConfiguration("lstmLsp", folder("off").uri);
    assert.equal(section.inspect("enabled")?.workspaceFolderValue, true);
    assert.equal(section.inspect("enabled")?.globalValue, undefined);
    await offersSomething(await open("off"));
    await set("off", false);
  },

  "a restarted server answers": async () => {
    await commands.executeCommand("lstm-lsp.restart");
    await offersSomething(await open("on"));
    await offersNothing(await open("off"));
  },
};

export async function run(): Promise<void> {
  const ended: Record<string, string> = {};
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      ended[name] = "";
    } catch (error) {
      ended[name] = String(error instanceof Error ? error.stack : error);
    }
  }
  const port = Number(process.env["LSTM_LSP_REPORT"]);
  await new Promise<void>((resolve, reject) =>
    connect(port, "127.0.0.1").on("error", reject).on("close", resolve).end(JSON.stringify(ended)),
  );
}

function folder(name: string): WorkspaceFolder {
  const found = workspace.workspaceFolders?.find((one) => one.name === name);
  assert.ok(found, `a folder ${name}`);
  return found;
}

/** The folder's document. */
async function open(name: string): Promise<TextDocument> {
  const [file] = await workspace.findFiles("*.py").then((all) =>
    all.filter((uri) => workspace.getWorkspaceFolder(uri)?.name === name),
  );
  assert.ok(file, `a file in ${name}`);
  return workspace.openTextDocument(file);
}

function set(name: string, enabled: boolean | undefined): Thenable<void> {
  const section = workspace.getConfiguration("lstmLsp", folder(name).uri);
  return section.update("enabled", enabled, ConfigurationTarget.WorkspaceFolder);
}

async function offers(document: TextDocument): Promise<number> {
  const end = document.lineAt(document.lineCount - 1).range.end;
  const list = await commands.executeCommand<CompletionList>(
    "vscode.executeCompletionItemProvider",
    document.uri,
    end,
  );
  return list.items.length;
}

function offersSomething(document: TextDocument): Promise<void> {
  return eventually("something is offered", async () => (await offers(document)) > 0);
}

function offersNothing(document: TextDocument): Promise<void> {
  return eventually("nothing is offered", async () => (await offers(document)) === 0);
}

/** Asks again and again: no event tells other extensions that the server went by new settings. */
async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
