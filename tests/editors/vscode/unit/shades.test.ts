import assert from "node:assert/strict";
import { test } from "node:test";
import { level, stretches, THRESHOLDS } from "../../../../editors/vscode/src/shades";

test("the more bits the deeper the shade, and below the first threshold none", () => {
  assert.deepEqual([0, 0.99, 1, 3.9, 4, 100].map(level), [0, 0, 1, 2, 3, THRESHOLDS.length]);
});

test("neighbours of one shade are one stretch, in UTF-16 offsets", () => {
  assert.deepEqual(stretches("ab😀cd", [1, 1.5, 1, 0, 12]), [
    { level: 1, start: 0, end: 4 },
    { level: 5, start: 5, end: 6 },
  ]);
});

test("a text that got longer since is shaded as far as the bits go", () => {
  assert.deepEqual(stretches("abc", [2]), [{ level: 2, start: 0, end: 1 }]);
  assert.deepEqual(stretches("abc", []), []);
});
