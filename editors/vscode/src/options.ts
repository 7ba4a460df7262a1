/** Which settings are the server's, and how they travel. Knows nothing of VS Code. */

export const SECTION = "lstmLsp";

/** The languages that the server knows, by VS Code's names, which are its own too. */
export const LANGUAGES: readonly string[] = ["java", "python"];

/** The server's settings; the others of the section are the extension's own. */
export const SERVER_SETTINGS = [
  "enabled",
  "languages",
  "inComments",
  "inStrings",
  "kinds",
  "minimumProbability",
  "debounce",
  "threads",
  "model",
  "projectMemory.enabled",
  "projectMemory.maxMegabytes",
  "projectMemory.exclude",
  "surprise.diagnostics",
  "hover",
  "logLevel",
] as const;

export type Options = Readonly<Record<string, unknown>>;

/** The server's settings alone, by dotted name: it would complain of any it does not know. */
export function serverOptions(get: (name: string) => unknown): Options {
  const pairs = SERVER_SETTINGS.map((name) => [name, get(name)] as const);
  if (get("overlay") === true) {
    pairs.push(["hover", true]); // what is shaded is explained where one points at it
  }
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/**
 * Whether lists of suggestions may come up by themselves, by the setting `editor.quickSuggestions`.
 * Where they give way to ghost text they do, and a `(` or `,` brings up none either.
 */
export function listsComeUp(quickSuggestions: unknown): boolean {
  const everywhere = quickSuggestions as { readonly other?: unknown } | boolean | undefined;
  const inCode = typeof everywhere === "object" ? everywhere.other : everywhere;
  return inCode === true || inCode === "on";
}

/** `languages` with `language` taken out when it is in, else put in, in the usual order. */
export function toggled(languages: readonly string[], language: string): string[] {
  const wanted = new Set(languages);
  if (!wanted.delete(language)) {
    wanted.add(language);
  }
  return LANGUAGES.filter((name) => wanted.has(name));
}
