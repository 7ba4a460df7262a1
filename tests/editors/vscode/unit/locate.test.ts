import assert from "node:assert/strict";
import { test } from "node:test";
import { locate, type Machine } from "../../../../editors/vscode/src/locate";

function machine(platform: string, path: string, ...programs: string[]): Machine {
  return { platform, path, isProgram: (file) => programs.includes(file) };
}

const everywhere = machine("linux", "/usr/bin:/opt/bin", "/venv/bin/lstm-lsp", "/opt/bin/lstm-lsp");

test("the setting goes before everything and is taken as it is", () => {
  const found = locate(["python3", "-P", "-m", "lstm_lsp"], "/venv/bin/python", everywhere);
  assert.deepEqual(found, { command: ["python3", "-P", "-m", "lstm_lsp"], source: "setting" });
});

test("the active environment goes before the PATH", () => {
  const found = locate([], "/venv/bin/python", everywhere);
  assert.deepEqual(found, { command: ["/venv/bin/lstm-lsp"], source: "environment" });
});

test("an environment without the server leaves the PATH", () => {
  const found = locate([], "/other/bin/python", everywhere);
  assert.deepEqual(found, { command: ["/opt/bin/lstm-lsp"], source: "path" });
});

test("without Python extension the PATH is searched in order", () => {
  const both = machine("linux", "/b:/a", "/a/lstm-lsp", "/b/lstm-lsp");
  assert.deepEqual(locate([], undefined, both)?.command, ["/b/lstm-lsp"]);
});

test("relative and empty entries of the PATH mean no folder of the workspace", () => {
  const planted = machine("linux", ".:node_modules/.bin:", "lstm-lsp", "node_modules/.bin/lstm-lsp");
  assert.equal(locate([], undefined, planted), undefined);
});

test("on Windows scripts stand beside a virtual environment's Python, or in Scripts", () => {
  const inside = "C:\\venv\\Scripts\\lstm-lsp.exe";
  const windows = machine("win32", "", inside);
  assert.deepEqual(locate([], "C:\\venv\\Scripts\\python.exe", windows)?.command, [inside]);
  assert.deepEqual(locate([], "C:\\venv\\python.exe", windows)?.command, [inside]);
  const onPath = machine("win32", "bin;C:\\tools", "C:\\tools\\lstm-lsp.exe");
  assert.deepEqual(locate([], undefined, onPath)?.command, ["C:\\tools\\lstm-lsp.exe"]);
});

test("a machine without the server has none", () => {
  assert.equal(locate([], "/venv/bin/python", machine("linux", "/usr/bin")), undefined);
});
