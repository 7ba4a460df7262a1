import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const extension = readFileSync("src/extension.ts", "utf8");

test("every command that is offered is there", () => {
  for (const { command } of manifest.contributes.commands) {
    const name = command.replace("lstm-lsp.", "");
    assert.match(extension, new RegExp(`^    ${name}[:,]`, "m"), command);
  }
});

test("a folder that is not trusted chooses neither the server nor the model", () => {
  const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  assert.equal(supported, "limited");
  assert.deepEqual(restrictedConfigurations, ["lstmLsp.serverCommand", "lstmLsp.model"]);
});
