import assert from "node:assert/strict";
import { test } from "node:test";
import { installCommand } from "../../../../editors/vscode/src/installCommand";

test("the server goes into the active environment", () => {
  const command = installCommand("/venv/bin/python");
  assert.equal(command.program, "/venv/bin/python");
  assert.equal(command.shown, "/venv/bin/python -m pip install lstm-lsp");
});

test("a path with spaces can be pasted, and is run without quotes", () => {
  const command = installCommand("C:\\Program Files\\Python\\python.exe");
  assert.equal(command.program, "C:\\Program Files\\Python\\python.exe");
  assert.match(command.shown, /^"C:\\Program Files\\Python\\python.exe" -m pip/);
});

test("without an environment it gets one of its own", () => {
  assert.equal(installCommand(undefined).shown, "pipx install lstm-lsp");
});
