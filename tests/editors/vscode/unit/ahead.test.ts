import assert from "node:assert/strict";
import { test } from "node:test";
import { Ahead } from "../../../../editors/vscode/src/ahead";

const AUTOMATIC = { triggerKind: 1, selectedCompletionInfo: undefined };
const BY_HAND = { triggerKind: 0, selectedCompletionInfo: undefined };

/** What VS Code does with a document: types into it, moves the cursor, asks for ghost text. */
class Editor {
  readonly document: any = { version: 1 };
  /** The questions that reached the server, in their order. */
  readonly asked: { column: number; token: any }[] = [];
  private readonly ahead = new Ahead(cancellation as any);

  /** Type one character: VS Code tells of the change, then of the cursor. */
  type(column: number): void {
    this.change();
    this.move(column);
  }

  /** Change the document where the cursor is not. */
  change(): void {
    this.document.version++;
    const change: any = { document: this.document };
    void this.ahead.middleware.didChange!.call(undefined, change, async () => undefined);
  }

  move(column: number, document: any = this.document): void {
    this.ahead.moved(document, at(column));
  }

  /** Ask as VS Code does; return the answer, which says which question it is to. */
  async ask(column: number, context: any = AUTOMATIC, theirs = cancellation()): Promise<any> {
    const provide: any = this.ahead.middleware.provideInlineCompletionItems;
    return await provide(this.document, at(column), context, theirs.token, this.server);
  }

  /** The server: tells which question an answer is to. */
  private readonly server = async (_: any, { column }: any, __: any, token: any) => {
    this.asked.push({ column, token });
    return `${this.asked.length} at ${column}`;
  };
}

function at(column: number): any {
  return { column, isEqual: (other: any) => other.column === column };
}

function cancellation(): any {
  const listeners: (() => void)[] = [];
  const token = {
    isCancellationRequested: false,
    onCancellationRequested: (listener: () => void) => listeners.push(listener),
  };
  const cancel = (): void => {
    token.isCancellationRequested = true;
    listeners.forEach((listener) => listener());
  };
  return { token, cancel, dispose: () => undefined };
}

/** An editor whose VS Code has asked after its last change. */
async function asking(): Promise<Editor> {
  const editor = new Editor();
  editor.type(1);
  await editor.ask(1);
  return editor;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a key is asked for at once, and VS Code's question after it is the same one", async () => {
  const editor = await asking();
  editor.type(2);
  await settled();
  assert.deepEqual(editor.asked.map(({ column }) => column), [1, 2]);
  assert.equal(await editor.ask(2), "2 at 2");
  editor.type(3);
  assert.equal(await editor.ask(3), "3 at 3");
  assert.equal(editor.asked.length, 3);
  assert.equal(await editor.ask(3), "4 at 3"); // an answer is given once
});

test("nothing is asked ahead until VS Code has asked after the change before", async () => {
  const editor = await asking();
  editor.type(2);
  editor.type(3); // too soon for VS Code to ask
  editor.type(4);
  await settled();
  assert.deepEqual(editor.asked.map(({ column }) => column), [1, 2]);
  assert.equal(await editor.ask(4), "3 at 4");
});

test("a cursor that moves without a change of its document asks nothing", async () => {
  const editor = await asking();
  editor.move(9);
  editor.change();
  editor.move(9, { version: 1 });
  await settled();
  assert.equal(editor.asked.length, 1);
});

test("an answer asked ahead is for its place and version alone", async () => {
  const editor = await asking();
  editor.type(2);
  await settled();
  assert.equal(await editor.ask(7), "3 at 7");
  assert.ok(editor.asked[1]!.token.isCancellationRequested);
  editor.type(8);
  await settled();
  editor.document.version++;
  assert.equal(await editor.ask(8), "5 at 8");
});

test("who asks by hand gets an answer of their own", async () => {
  const editor = await asking();
  editor.type(2);
  await settled();
  assert.equal(await editor.ask(2, BY_HAND), "3 at 2");
  const inPopup = { ...AUTOMATIC, selectedCompletionInfo: {} };
  editor.type(3);
  assert.equal(await editor.ask(3), "4 at 3");
  editor.type(4);
  await settled();
  assert.equal(await editor.ask(4, inPopup), "6 at 4");
});

test("the next key, and VS Code itself, cancel what was asked ahead", async () => {
  const editor = await asking();
  editor.type(2);
  await settled();
  editor.type(3);
  assert.ok(editor.asked[1]!.token.isCancellationRequested);
  await editor.ask(3);
  editor.type(4);
  await settled();
  const theirs = cancellation();
  const answer = editor.ask(4, AUTOMATIC, theirs);
  theirs.cancel();
  assert.ok(editor.asked.at(-1)!.token.isCancellationRequested);
  await answer;
});
