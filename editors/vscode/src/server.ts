/** The server's life: found, started, started again after a crash, and how it is. */

import { accessSync, constants, statSync } from "node:fs";
import { EventEmitter, window, workspace, type Disposable } from "vscode";
import { CloseAction, ErrorAction, type ErrorHandler } from "vscode-languageclient/node";
import { Client } from "./client";
import { setting } from "./configuration";
import { Crashes } from "./crashes";
import { offerInstall } from "./install";
import { locate, type Found } from "./locate";
import { activePython } from "./python";
import { STATUS, withoutServer, type Status } from "./wire";

const START_LIMIT = 60_000; // ms; it answers within one, and only then loads its model
const MISSING = "the lstm-lsp server is not installed";

export class Server implements Disposable {
  readonly log = window.createOutputChannel("LSTM completion", { log: true });
  found: Found | undefined;
  status: Status = withoutServer("loading", "the server is being looked for");
  private client: Client | undefined;
  private readonly changes = new EventEmitter<Status>();
  private readonly crashes = new Crashes(3, 5 * 60_000);
  private turn: Promise<void> = Promise.resolve();
  private offered = false;
  readonly onStatus = this.changes.event;

  /** The client of a server that can be asked. */
  get running(): Client | undefined {
    return this.client?.isRunning() ? this.client : undefined;
  }

  /** Stop the server if it runs and start it anew, from wherever it is to be found now. */
  restart(): Promise<void> {
    return this.inTurn(() => this.startAnew());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.halt());
  }

  /** Look for the server anew; start it again if it is another one now. */
  relocate(): Promise<void> {
    return this.inTurn(async () => {
      const { found } = await this.find();
      if (found?.command.join("\0") !== this.found?.command.join("\0")) {
        await this.startAnew();
      }
    });
  }

  dispose(): void {
    this.changes.dispose();
    this.log.dispose();
  }

  /** One start or stop after the other. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step).catch((error: unknown) => this.log.error(String(error)));
    return this.turn;
  }

  private async startAnew(): Promise<void> {
    await this.halt();
    this.crashes.forget();
    await this.launch();
  }

  private async find(): Promise<{ found: Found | undefined; python: string | undefined }> {
    const python = await activePython();
    const path = process.env["PATH"] ?? "";
    const machine = { platform: process.platform, path, isProgram };
    return { found: locate(setting<string[]>("serverCommand", [], null), python, machine), python };
  }

  private async launch(): Promise<void> {
    const { found, python } = await this.find();
    this.found = found;
    if (found === undefined) {
      this.tell(withoutServer("off", MISSING));
      if (!this.offered) {
        this.offered = true; // once a session; not awaited, for a message may stay for hours
        void this.offer(python);
      }
      return;
    }
    this.log.info(`starting ${found.command.join(" ")} serve (from the ${found.source})`);
    this.tell(withoutServer("loading", "the server is starting"));
    const client = (this.client = new Client(found.command, this.log, this.errors()));
    client.onNotification(STATUS, (status: Status) => this.tell(status));
    try {
      await within(START_LIMIT, client.start());
      this.tell(await client.sendRequest<Status>(STATUS));
    } catch (error) {
      this.tell(withoutServer("off", `the server does not start: ${message(error)}`));
      void this.complain(`The lstm-lsp server does not start: ${message(error)}`);
    }
  }

  private async offer(python: string | undefined): Promise<void> {
    try {
      if (await offerInstall(python)) {
        await this.restart();
      }
    } catch (error) {
      void window.showErrorMessage(`lstm-lsp was not installed: ${message(error)}`);
    }
  }

  private async halt(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    try {
      await client?.dispose();
    } catch {
      // It never started, or does not answer any more; its process is ended either way.
    }
    this.tell(withoutServer("off", "the server was stopped"));
  }

  private errors(): ErrorHandler {
    return {
      error: (_error, _message, count) => ({
        action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown,
      }),
      closed: () => {
        if (this.crashes.mayRestart(Date.now())) {
          this.tell(withoutServer("loading", "the server crashed and is started again"));
          return { action: CloseAction.Restart, handled: true };
        }
        this.tell(withoutServer("off", "the server crashed too often"));
        void this.complain("The lstm-lsp server crashed too often and is not started again.");
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  private tell(status: Status): void {
    this.status = status;
    this.changes.fire(status);
  }

  private async complain(text: string): Promise<void> {
    const choice = await window.showErrorMessage(text, "Restart Server", "Show Log");
    if (choice === "Restart Server") {
      await this.restart();
    } else if (choice === "Show Log") {
      this.log.show();
    }
  }
}

/** What `promise` gives, unless it takes longer than `milliseconds`. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`no answer for ${milliseconds / 1000} seconds`);
    timer = setTimeout(() => reject(error), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first folder, if what stands in it may be used. */
export function trustedFolder(): string | undefined {
  return workspace.isTrusted ? workspace.workspaceFolders?.[0]?.uri.fsPath : undefined;
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
