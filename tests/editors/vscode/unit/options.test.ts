import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  listsComeUp,
  SERVER_SETTINGS,
  serverOptions,
  toggled,
} from "../../../../editors/vscode/src/options";

interface Property {
  readonly type?: string | string[];
  readonly default?: unknown;
  readonly enum?: unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: { readonly enum: unknown[] };
  readonly properties?: Record<string, Property>;
  readonly markdownDescription?: string;
}

const root = join(process.cwd(), "..", ".."); // npm runs in editors/vscode
const read = (...path: string[]): any => JSON.parse(readFileSync(join(root, ...path), "utf8"));
const manifest = read("editors", "vscode", "package.json");
const contributed: Record<string, Property> = manifest.contributes.configuration.properties;

/** The server's settings by dotted name, from its own schema. */
const schema: Record<string, Property> = {};
for (const [name, property] of Object.entries<Property>(
  read("lstm_lsp", "server", "schemas", "settings.json").properties,
)) {
  const inner = Object.entries(property.properties ?? {});
  const all = inner.length > 0 ? inner.map(([key, one]) => [`${name}.${key}`, one] as const) : [];
  for (const [key, one] of inner.length > 0 ? all : [[name, property] as const]) {
    schema[key] = one;
  }
}

test("every setting of the server is sent, and no other", () => {
  assert.deepEqual([...SERVER_SETTINGS].sort(), Object.keys(schema).sort());
});

test("the settings page offers what the server takes, with its defaults and limits", () => {
  for (const [name, wanted] of Object.entries(schema)) {
    const offered = contributed[`lstmLsp.${name}`];
    assert.ok(offered, `${name} is not on the settings page`);
    assert.deepEqual(offered.default ?? null, name === "minimumProbability" ? {} : wanted.default);
    assert.deepEqual(offered.enum, wanted.enum, name);
    assert.deepEqual(offered.items?.enum, wanted.items?.enum, name);
    assert.deepEqual([offered.minimum, offered.maximum], [wanted.minimum, wanted.maximum], name);
  }
});

test("every setting says what it is", () => {
  for (const [name, property] of Object.entries(contributed)) {
    assert.ok((property.markdownDescription?.length ?? 0) > 20, name);
  }
});

test("settings of the extension's own are not sent, nor is what is not set", () => {
  const options = serverOptions((name) => ({ enabled: false, serverCommand: ["x"] })[name]);
  assert.deepEqual(options, { enabled: false });
});

test("lists come up by themselves where quick suggestions are on, and nowhere else", () => {
  const other = (one: unknown) => ({ other: one, comments: "on", strings: "on" });
  assert.ok([true, other(true), other("on")].every(listsComeUp));
  const none = [false, undefined, ...[false, "off", "inline", "offWhenInlineCompletions"].map(other)];
  assert.ok(!none.some(listsComeUp));
});

test("a language is taken out and put back in its place", () => {
  assert.deepEqual(toggled(["java", "python"], "java"), ["python"]);
  assert.deepEqual(toggled(["python"], "java"), ["java", "python"]);
});
