/**
 * Asks for ghost text as soon as a change is sent, for VS Code lets 50 ms pass before it asks.
 *
 * Its question is then answered with the answer to ours, which is often there already. We ask ahead
 * only where VS Code asked after the last change: so questions are hardly more than its own, and
 * none where it has no use for them or keys come faster than it asks. Starts nothing of VS Code.
 */

import type {
  CancellationToken,
  CancellationTokenSource,
  InlineCompletionContext,
  InlineCompletionItemProvider,
  InlineCompletionTriggerKind,
  Position,
  TextDocument,
  TextDocumentChangeEvent,
} from "vscode";
import type { Middleware } from "vscode-languageclient/node";

type Ask = InlineCompletionItemProvider["provideInlineCompletionItems"];
type Answer = ReturnType<Ask>;

const AUTOMATIC: InlineCompletionTriggerKind.Automatic = 1;

/** A question that was asked ahead, at a place in a version of a document. */
interface Asked {
  readonly document: TextDocument;
  readonly version: number;
  readonly position: Position;
  readonly answer: Promise<Awaited<Answer>>;
  readonly cancel: CancellationTokenSource;
}

export class Ahead {
  private asked: Asked | undefined;
  /** The last change, until the cursor has followed it. */
  private change: { document: TextDocument; sent: Promise<void> } | undefined;
  /** VS Code's question after the last change, if it asked one by itself. */
  private theirs: { context: InlineCompletionContext; ask: Ask } | undefined;

  constructor(private readonly newCancel: () => CancellationTokenSource) {}

  /** What the client goes through. */
  readonly middleware: Pick<Middleware, "didChange" | "provideInlineCompletionItems"> = {
    didChange: (event, next) => this.send(event, next),
    provideInlineCompletionItems: (document, position, context, token, next) =>
      this.answer(document, position, context, token, next),
  };

  /** The cursor in `document`, the one in front, is at `position` now. */
  moved(document: TextDocument, position: Position): void {
    const { change, theirs } = this;
    if (change?.document !== document) {
      return;
    }
    this.change = undefined;
    if (theirs === undefined) {
      return;
    }
    this.theirs = undefined;
    const cancel = this.newCancel();
    const { version } = document;
    const answer = change.sent.then(() =>
      theirs.ask(document, position, theirs.context, cancel.token),
    );
    answer.catch(() => undefined); // it is heard of by who takes the answer
    this.asked = { document, version, position, answer, cancel };
  }

  /** Let go of what was asked ahead: nobody waits for it any more. */
  dispose(): void {
    this.asked?.cancel.cancel();
    this.asked = undefined;
  }

  private send(
    event: TextDocumentChangeEvent,
    next: (event: TextDocumentChangeEvent) => Promise<void>,
  ): Promise<void> {
    this.dispose();
    const sent = next(event);
    this.change = { document: event.document, sent };
    return sent;
  }

  private answer(
    document: TextDocument,
    position: Position,
    context: InlineCompletionContext,
    token: CancellationToken,
    ask: Ask,
  ): Answer {
    const asked = this.asked;
    if (context.triggerKind !== AUTOMATIC || context.selectedCompletionInfo !== undefined) {
      this.dispose();
      return ask(document, position, context, token);
    }
    this.theirs = { context, ask };
    if (
      asked?.document !== document ||
      asked.version !== document.version ||
      !asked.position.isEqual(position)
    ) {
      this.dispose();
      return ask(document, position, context, token);
    }
    this.asked = undefined; // it answers one question
    token.onCancellationRequested(() => asked.cancel.cancel());
    return asked.answer;
  }
}
