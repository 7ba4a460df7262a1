/** The generation preview: a document at the side that fills as characters are drawn. */

import { randomUUID } from "node:crypto";
import {
  CancellationTokenSource,
  commands,
  languages,
  ProgressLocation,
  Range,
  TabInputText,
  TextEditorRevealType,
  ViewColumn,
  window,
  workspace,
  type Disposable,
  type TextEditor,
  type Uri,
} from "vscode";
import { ProgressType } from "vscode-languageclient/node";
import type { Client } from "./client";
import { setting } from "./configuration";
import type { Documents } from "./documents";
import { message } from "./server";
import { GENERATE, type Drawn, type GenerateParams, type GenerateResult } from "./wire";

const BETWEEN_REDRAWS = 40; // ms; characters come faster than an editor redraws,
const MORE_BY_CHARACTER = 0.02; // ms; and a long text is slower to redraw

export class Preview implements Disposable {
  private writing: CancellationTokenSource | undefined;
  private readonly listener: Disposable;

  constructor(private readonly documents: Documents) {
    this.listener = workspace.onDidCloseTextDocument((document) => documents.forget(document.uri));
  }

  /** Write what the model would, from the cursor of `source` on. */
  async start(client: Client, source: TextEditor): Promise<void> {
    this.stop();
    const cancel = (this.writing = new CancellationTokenSource());
    const { document, selection } = source;
    const cursor = selection.active;
    const name = document.uri.path.replace(/.*\//, "");
    // The line that is continued is shown too; only what follows it is the model's.
    let text = document.getText(new Range(cursor.with({ character: 0 }), cursor));
    const uri = this.documents.write(`preview of ${name}`, text);
    const opened = await workspace.openTextDocument(uri);
    const shown = await languages.setTextDocumentLanguage(opened, document.languageId);
    const side = { viewColumn: ViewColumn.Beside, preserveFocus: true, preview: true };
    await window.showTextDocument(shown, side);

    const redraw = (): void => {
      this.documents.write(`preview of ${name}`, text);
    };
    let timer: NodeJS.Timeout | undefined;
    const redrawOn = (): void => {
      redraw();
      timer = setTimeout(redrawOn, BETWEEN_REDRAWS + MORE_BY_CHARACTER * text.length);
    };
    redrawOn();
    const token = randomUUID();
    const params: GenerateParams = {
      ...client.code2ProtocolConverter.asTextDocumentPositionParams(document, cursor),
      maxCharacters: setting("preview.maxCharacters", 1000, document.uri),
      temperature: setting("preview.temperature", 0.6, document.uri),
      partialResultToken: token,
    };
    const listeners = [
      client.onProgress(new ProgressType<Drawn>(), token, (drawn) => {
        text += drawn.text;
      }),
      workspace.onDidChangeTextDocument((event) => {
        if (event.document.uri.toString() === uri.toString()) {
          showEnd(uri);
        }
      }),
      window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (closed.some(({ input }) => shows(input, uri))) {
          cancel.cancel();
        }
      }),
    ];
    void commands.executeCommand("setContext", "lstm-lsp.writing", true);
    try {
      const progress = { location: ProgressLocation.Window, title: "LSTM is writing" };
      await window.withProgress(progress, () =>
        client.sendRequest<GenerateResult>(GENERATE, params, cancel.token),
      );
    } catch (error) {
      if (!cancel.token.isCancellationRequested) {
        void window.showErrorMessage(`The preview ended: ${message(error)}`);
      }
    } finally {
      clearTimeout(timer);
      listeners.forEach((listener) => listener.dispose());
      if (this.writing === cancel) {
        // Else the next preview has begun, in the same document.
        redraw();
        this.writing = undefined;
        void commands.executeCommand("setContext", "lstm-lsp.writing", false);
      }
      cancel.dispose();
    }
  }

  /** End the preview that is being written; what is there stays. */
  stop(): void {
    this.writing?.cancel();
  }

  dispose(): void {
    this.stop();
    this.listener.dispose();
  }
}

function shows(input: unknown, uri: Uri): boolean {
  return input instanceof TabInputText && input.uri.toString() === uri.toString();
}

function showEnd(uri: Uri): void {
  for (const editor of window.visibleTextEditors) {
    if (editor.document.uri.toString() === uri.toString()) {
      const last = editor.document.lineAt(editor.document.lineCount - 1).range;
      editor.revealRange(last, TextEditorRevealType.Default);
    }
  }
}
