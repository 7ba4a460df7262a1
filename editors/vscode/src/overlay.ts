/** The overlay: a background behind each visible character, the deeper the more it surprised. */

import {
  CancellationTokenSource,
  Range,
  window,
  workspace,
  type Disposable,
  type TextEditor,
  type TextEditorDecorationType,
} from "vscode";
import { setting } from "./configuration";
import { LANGUAGES } from "./options";
import type { Server } from "./server";
import { stretches, THRESHOLDS } from "./shades";
import { SURPRISE, type Surprised } from "./wire";

const PAUSE = 150; // ms without an edit or a scroll before the overlay is drawn anew
const OPACITIES = [0.1, 0.18, 0.28, 0.4, 0.55] as const;

export class Overlay implements Disposable {
  private readonly shades = THRESHOLDS.map((_, index) => shade(OPACITIES[index] ?? 1));
  private readonly drawing = new Map<TextEditor, Disposable>();
  private readonly listeners: Disposable[];

  constructor(private readonly server: Server) {
    this.listeners = [
      window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => this.drawSoon(textEditor)),
      window.onDidChangeVisibleTextEditors(() => this.drawAll()),
      workspace.onDidChangeTextDocument(({ document }) =>
        window.visibleTextEditors
          .filter((editor) => editor.document === document)
          .forEach((editor) => this.drawSoon(editor)),
      ),
      workspace.onDidChangeConfiguration(
        (event) => event.affectsConfiguration("lstmLsp") && this.drawAll(),
      ),
      server.onStatus(({ state }) => state !== "loading" && this.drawAll()),
    ];
  }

  dispose(): void {
    for (const one of [...this.listeners, ...this.shades, ...this.drawing.values()]) {
      one.dispose();
    }
  }

  private drawAll(): void {
    for (const [editor, drawing] of this.drawing) {
      if (!window.visibleTextEditors.includes(editor)) {
        drawing.dispose();
        this.drawing.delete(editor);
      }
    }
    window.visibleTextEditors.forEach((editor) => this.drawSoon(editor));
  }

  private drawSoon(editor: TextEditor): void {
    this.drawing.get(editor)?.dispose();
    const { languageId, uri } = editor.document;
    const served = LANGUAGES.includes(languageId) && ["file", "untitled"].includes(uri.scheme);
    if (!served || !setting("overlay", false, uri)) {
      if (this.drawing.delete(editor)) {
        this.shades.forEach((type) => editor.setDecorations(type, []));
      }
      return;
    }
    const cancel = new CancellationTokenSource();
    const timer = setTimeout(() => void this.draw(editor, cancel), PAUSE);
    this.drawing.set(editor, {
      dispose: () => {
        clearTimeout(timer);
        cancel.cancel();
        cancel.dispose();
      },
    });
  }

  private async draw(editor: TextEditor, cancel: CancellationTokenSource): Promise<void> {
    const client = this.server.running;
    const { document, visibleRanges } = editor;
    const [first, last] = [visibleRanges[0], visibleRanges.at(-1)];
    if (client === undefined || first === undefined || last === undefined) {
      return;
    }
    const lines = new Range(first.start.line, 0, last.end.line + 1, 0);
    const visible = document.validateRange(lines);
    const params = {
      textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
      range: client.code2ProtocolConverter.asRange(visible),
    };
    let surprised: Surprised;
    try {
      surprised = await client.sendRequest<Surprised>(SURPRISE, params, cancel.token);
    } catch {
      surprised = { version: document.version, bits: [] }; // off here, or the text has changed
    }
    if (cancel.token.isCancellationRequested || surprised.version !== document.version) {
      return;
    }
    const start = document.offsetAt(visible.start);
    const found = stretches(document.getText(visible), surprised.bits);
    this.shades.forEach((type, index) => {
      const ours = found.filter(({ level }) => level === index + 1);
      const ranges = ours.map(
        (one) =>
          new Range(document.positionAt(start + one.start), document.positionAt(start + one.end)),
      );
      editor.setDecorations(type, ranges);
    });
  }
}

function shade(opacity: number): TextEditorDecorationType {
  return window.createTextEditorDecorationType({
    light: { backgroundColor: `rgba(214, 96, 0, ${opacity})` },
    dark: { backgroundColor: `rgba(255, 148, 64, ${opacity})` },
  });
}
