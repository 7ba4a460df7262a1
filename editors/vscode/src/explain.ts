/** Why something, or nothing, was suggested at the cursor. */

import { commands, window, type TextEditor } from "vscode";
import { ExecuteCommandRequest } from "vscode-languageclient/node";
import type { Client } from "./client";
import type { Documents } from "./documents";
import { message } from "./server";
import { EXPLAIN, type Explanation } from "./wire";

export async function explain(
  client: Client,
  documents: Documents,
  editor: TextEditor | undefined,
): Promise<void> {
  // Without a place the server explains its last answer.
  const place = editor && [
    client.code2ProtocolConverter.asTextDocumentPositionParams(
      editor.document,
      editor.selection.active,
    ),
  ];
  try {
    const params = { command: EXPLAIN, ...(place ? { arguments: place } : {}) };
    const answer = (await client.sendRequest(ExecuteCommandRequest.type, params)) as Explanation;
    await showMarkdown(documents, "why.md", `## Why this?\n\n${answer.markdown}\n`);
  } catch (error) {
    void window.showErrorMessage(`No explanation: ${message(error)}`);
  }
}

export async function showMarkdown(
  documents: Documents,
  title: string,
  text: string,
): Promise<void> {
  await commands.executeCommand("markdown.showPreviewToSide", documents.write(title, text));
}
