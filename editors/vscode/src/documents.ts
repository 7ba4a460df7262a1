/** Read-only documents that the extension writes: previews, explanations, the model card. */

import { EventEmitter, Uri, type TextDocumentContentProvider } from "vscode";

export const SCHEME = "lstm-lsp";

export class Documents implements TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly changes = new EventEmitter<Uri>();
  readonly onDidChange = this.changes.event;

  /** The document whose tab says `title`, with `text` in it from now on. */
  write(title: string, text: string): Uri {
    const uri = Uri.from({ scheme: SCHEME, path: `/${title}` });
    this.texts.set(uri.toString(), text);
    this.changes.fire(uri);
    return uri;
  }

  forget(uri: Uri): void {
    this.texts.delete(uri.toString());
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }
}
