import assert from "node:assert/strict";
import { test } from "node:test";
import { Crashes } from "../../../../editors/vscode/src/crashes";

test("the server is started again as often as allowed, and no more", () => {
  const crashes = new Crashes(3, 1000);
  const answers = [0, 1, 2, 3, 4].map((now) => crashes.mayRestart(now));
  assert.deepEqual(answers, [true, true, true, false, false]);
});

test("crashes long ago do not count", () => {
  const crashes = new Crashes(1, 1000);
  assert.equal(crashes.mayRestart(0), true);
  assert.equal(crashes.mayRestart(999), false);
  assert.equal(crashes.mayRestart(2000), true);
});

test("another try begins anew", () => {
  const crashes = new Crashes(1, 1000);
  crashes.mayRestart(0);
  crashes.forget();
  assert.equal(crashes.mayRestart(1), true);
});
