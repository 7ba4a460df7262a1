import assert from "node:assert/strict";
import { test } from "node:test";
import { present, type Here } from "../../../../editors/vscode/src/presentation";
import { withoutServer, type Status } from "../../../../editors/vscode/src/wire";

const python: Here = { language: "python", languages: ["java", "python"], enabled: true };
const ready: Status = {
  state: "ready",
  reason: "",
  model: "base",
  memoryMegabytes: 181.4,
  indexed: 12,
  total: 12,
};

test("a ready server says what runs", () => {
  const shown = present(ready, python);
  assert.match(shown.text, /check/);
  assert.equal(
    shown.tooltip,
    "LSTM completion is ready\nModel: base\nMemory: 181 MB\nProject: 12 of 12 files read",
  );
});

test("a busy server says with what", () => {
  const shown = present({ ...ready, state: "busy", reason: "the project is being read" }, python);
  assert.match(shown.tooltip, /^LSTM completion is busy: the project is being read\n/);
  assert.equal(shown.attention, false);
});

test("switched off asks for no attention, out of order does", () => {
  const off = withoutServer("off", "suggestions are switched off");
  assert.equal(present(off, { ...python, enabled: false }).attention, false);
  const missing = present(withoutServer("off", "the server is not installed"), python);
  assert.equal(missing.attention, true);
  assert.match(missing.tooltip, /the server is not installed/);
});

test("where nothing is suggested it says why", () => {
  const off = { ...python, languages: ["java"] };
  assert.match(present(ready, off).tooltip, /off here: it is switched off for python/);
  assert.match(present(ready, { ...python, language: "rust" }).tooltip, /rust is not one of/);
});

test("where the folder's own settings switch it off it says so, whatever the server is", () => {
  const here = { ...python, enabled: false };
  assert.match(present(ready, here).tooltip, /off here: suggestions are switched off/);
});

test("switched on again it asks for no attention until the server has heard of it", () => {
  const off: Status = { ...ready, state: "off", reason: "suggestions are switched off" };
  assert.equal(present(off, python).attention, false);
});

test("without a document in front nothing is off", () => {
  assert.match(present(ready, { ...python, language: undefined }).tooltip, /is ready/);
});
