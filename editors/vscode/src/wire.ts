/** The messages of the server's own, as its JSON schemas describe them; types alone. */

export interface Status {
  readonly state: "loading" | "ready" | "busy" | "off";
  /** Why it is not ready; empty when it is. */
  readonly reason: string;
  readonly model: string | null;
  readonly memoryMegabytes: number;
  /** Files of the project that were read, of how many. */
  readonly indexed: number;
  readonly total: number;
}

export interface Place {
  readonly textDocument: { readonly uri: string };
  readonly position: { readonly line: number; readonly character: number };
}

export interface GenerateParams extends Place {
  readonly maxCharacters?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly partialResultToken?: string;
}

export interface Drawn {
  readonly text: string;
}

export interface GenerateResult extends Drawn {
  readonly finish: "end" | "length";
  readonly seed: number;
}

export interface Explanation {
  readonly reason: string | null;
  readonly markdown: string;
}

export interface Surprised {
  readonly version: number | null;
  /** Of each character (code point) of the range. */
  readonly bits: readonly number[];
}

export interface Trained {
  readonly written: boolean;
  readonly message: string;
}

export const STATUS = "lstmLsp/status";
export const GENERATE = "lstmLsp/generate";
export const SURPRISE = "lstmLsp/surprise";
export const EXPLAIN = "lstmLsp.explain";
export const TRAIN = "lstmLsp.train";

/** A status that the extension itself reports, while no server can. */
export function withoutServer(state: "loading" | "off", reason: string): Status {
  return { state, reason, model: null, memoryMegabytes: 0, indexed: 0, total: 0 };
}
