/** The language client: what goes over the wire to the server, and what of it is ours. */

import { homedir } from "node:os";
import {
  CancellationTokenSource,
  CompletionTriggerKind,
  Uri,
  window,
  workspace,
  type Disposable,
  type LogOutputChannel,
} from "vscode";
import {
  DidChangeConfigurationNotification,
  LanguageClient,
  RevealOutputChannelOn,
  type ErrorHandler,
  type InitializeParams,
  type LanguageClientOptions,
  type Middleware,
} from "vscode-languageclient/node";
import { Ahead } from "./ahead";
import { currentOptions } from "./configuration";
import { LANGUAGES, listsComeUp, SECTION } from "./options";

export class Client extends LanguageClient {
  private readonly listener: Disposable;

  constructor(command: readonly [string, ...string[]], log: LogOutputChannel, errors: ErrorHandler) {
    const [program, ...parameters] = command;
    const options = workspace.isTrusted ? {} : { cwd: homedir() };
    const server = { command: program, args: [...parameters, "serve"], options };
    const ahead = new Ahead(() => new CancellationTokenSource());
    const middleware: Middleware = {
      ...ahead.middleware,
      provideCompletionItem: (document, position, context, token, next) => {
        const byItself = context.triggerKind === CompletionTriggerKind.TriggerCharacter;
        const editor = workspace.getConfiguration("editor", document);
        return byItself && !listsComeUp(editor.get("quickSuggestions"))
          ? undefined
          : next(document, position, context, token);
      },
      workspace: {
        // Settings of the section that are the extension's own stay here.
        configuration: (params) =>
          params.items.map(({ section, scopeUri }) =>
            section === SECTION ? currentOptions(scopeUri ? Uri.parse(scopeUri) : null) : null,
          ),
        didChangeConfiguration: () => this.pushOptions(),
      },
    };
    super(SECTION, "LSTM completion", server, clientOptions(log, errors, middleware));
    this.listener = window.onDidChangeTextEditorSelection(({ textEditor }) => {
      if (textEditor === window.activeTextEditor) {
        ahead.moved(textEditor.document, textEditor.selection.active);
      }
    });
  }

  override dispose(timeout?: number): Promise<void> {
    this.listener.dispose();
    return super.dispose(timeout);
  }

  /** An untrusted folder is no project: neither its model nor its other files are read. */
  protected override fillInitializeParams(params: InitializeParams): void {
    super.fillInitializeParams(params);
    if (!workspace.isTrusted) {
      params.rootPath = null;
      params.rootUri = null;
      params.workspaceFolders = null;
    }
  }

  private pushOptions(): Promise<void> {
    return this.sendNotification(DidChangeConfigurationNotification.type, {
      settings: { [SECTION]: currentOptions(null) },
    });
  }
}

function clientOptions(
  log: LogOutputChannel,
  errors: ErrorHandler,
  middleware: Middleware,
): LanguageClientOptions {
  return {
    documentSelector: LANGUAGES.flatMap((language) => [
      { scheme: "file", language },
      { scheme: "untitled", language },
    ]),
    initializationOptions: { [SECTION]: currentOptions(null) },
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    errorHandler: errors,
    // A start that fails is told once, by whoever started it.
    initializationFailedHandler: () => false,
    middleware,
  };
}
