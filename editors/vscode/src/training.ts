/** Fine-tuning on the user's own code: the server trains in a process of its own, shown here. */

import { randomUUID } from "node:crypto";
import { ProgressLocation, window, workspace } from "vscode";
import {
  ExecuteCommandRequest,
  WorkDoneProgress,
  WorkDoneProgressCancelNotification,
} from "vscode-languageclient/node";
import type { Client } from "./client";
import { message } from "./server";
import { TRAIN, type Trained } from "./wire";

/** Train on the workspace's folder, or on the one that the user picks of several. */
export async function train(client: Client): Promise<void> {
  if (!workspace.isTrusted) {
    void window.showWarningMessage("Nothing is trained in Restricted Mode: trust the folder first.");
    return;
  }
  const folders = workspace.workspaceFolders ?? [];
  const folder = folders.length > 1 ? await window.showWorkspaceFolderPick() : folders[0];
  if (folder === undefined) {
    return;
  }
  const workDoneToken = randomUUID();
  const params = { command: TRAIN, arguments: [{ path: folder.uri.fsPath, workDoneToken }] };
  const shown = {
    location: ProgressLocation.Notification,
    title: `Training on ${folder.name}`,
    cancellable: true,
  };
  try {
    const result = await window.withProgress(shown, async (progress, cancelled) => {
      let percentage = 0;
      // Cancelled by its progress, not by its request: so the run says how it ended.
      cancelled.onCancellationRequested(() =>
        client.sendNotification(WorkDoneProgressCancelNotification.type, { token: workDoneToken }),
      );
      const listener = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
        if (value.kind === "report") {
          const now = value.percentage ?? percentage;
          progress.report({ message: value.message ?? "", increment: now - percentage });
          percentage = now;
        }
      });
      try {
        return (await client.sendRequest(ExecuteCommandRequest.type, params)) as Trained;
      } finally {
        listener.dispose();
      }
    });
    const show = result.written ? window.showInformationMessage : window.showWarningMessage;
    void show(result.message);
  } catch (error) {
    void window.showErrorMessage(`No training: ${message(error)}`);
  }
}
