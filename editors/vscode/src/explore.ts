/** The explorer: `lstm-lsp explore`, a page that the user's own machine serves to the browser. */

import { spawn, type ChildProcess } from "node:child_process";
import { homedir } from "node:os";
import { env, ProgressLocation, Uri, window, type Disposable } from "vscode";
import { setting } from "./configuration";
import type { Found } from "./locate";
import { message, trustedFolder } from "./server";

export class Explorer implements Disposable {
  private running: { process: ChildProcess; address: Promise<string> } | undefined;

  /** Open the page; the program behind it runs until the window is closed. */
  async open(found: Found): Promise<void> {
    const { address } = (this.running ??= this.start(found));
    try {
      const progress = { location: ProgressLocation.Window, title: "The explorer is starting" };
      const local = await window.withProgress(progress, () => address);
      // In a remote window this forwards the port.
      await env.openExternal(await env.asExternalUri(Uri.parse(local)));
    } catch (error) {
      void window.showErrorMessage(`No explorer: ${message(error)}`);
    }
  }

  dispose(): void {
    this.running?.process.kill();
    this.running = undefined;
  }

  private start(found: Found): { process: ChildProcess; address: Promise<string> } {
    const [program, ...parameters] = found.command;
    const model = setting("model", "", null);
    const all = [...parameters, "explore", ...(model ? ["--model", model] : [])];
    const process = spawn(program, all, {
      cwd: trustedFolder() ?? homedir(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const address = new Promise<string>((resolve, reject) => {
      let said = "";
      let complaint = "";
      process.stdout.on("data", (data: Buffer) => {
        said += data.toString();
        const found = /http:\/\/\S+(?=\s)/.exec(said);
        if (found) {
          resolve(found[0]);
        }
      });
      process.stderr.on("data", (data: Buffer) => (complaint = (complaint + data).slice(-1000)));
      process.on("error", (error) => {
        this.running = undefined; // it never started, so it does not exit either
        reject(error);
      });
      process.on("exit", (status) => {
        this.running = undefined; // the next time it is started anew
        reject(new Error(complaint.trim().split("\n").at(-1) || `it ended with status ${status}`));
      });
    });
    return { process, address };
  }
}
