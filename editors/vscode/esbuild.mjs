// Bundles the extension into dist/extension.js; with --tests the unit tests into dist/tests, and
// those that VS Code runs in its extension host into dist/hosted.
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const shared = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  logLevel: "warning",
};

if (process.argv.includes("--tests")) {
  const folder = "../../tests/editors/vscode/unit";
  const names = readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
  rmSync("dist/tests", { recursive: true, force: true });
  await build({
    ...shared,
    entryPoints: names.map((name) => join(folder, name)),
    outdir: "dist/tests",
    sourcemap: "inline",
  });
  await build({
    ...shared,
    entryPoints: ["../../tests/editors/vscode/hosted/index.ts"],
    outdir: "dist/hosted",
    sourcemap: "inline",
  });
} else {
  const minify = process.argv.includes("--minify");
  await build({
    ...shared,
    entryPoints: ["src/extension.ts"],
    outfile: "dist/extension.js",
    mainFields: ["module", "main"],
    minify,
    sourcemap: !minify,
  });
  copyFileSync("../../LICENSE", "LICENSE"); // a package carries its own
}
