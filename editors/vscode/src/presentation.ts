/** What the status bar says. Knows nothing of VS Code but its names of icons. */

import { LANGUAGES } from "./options";
import type { Status } from "./wire";

/** The document in front, if there is one, and what the settings say. */
export interface Here {
  readonly language: string | undefined;
  readonly languages: readonly string[];
  readonly enabled: boolean;
}

export interface Shown {
  readonly text: string;
  /** One sentence, or several lines; plain text. */
  readonly tooltip: string;
  /** Whether something is wrong that the user may want to mend. */
  readonly attention: boolean;
}

const ICONS = { loading: "$(loading~spin)", ready: "$(check)", busy: "$(sync~spin)" } as const;
const OFF = "$(circle-slash)";

export function present(status: Status, here: Here): Shown {
  if (status.state === "off") {
    const attention = here.enabled && status.model === null; // nobody switched it off
    const text = `${attention ? "$(warning)" : OFF} LSTM`;
    return { text, tooltip: `LSTM completion is off: ${status.reason}`, attention };
  }
  const reason = offHere(here);
  if (reason) {
    return { text: `${OFF} LSTM`, tooltip: `LSTM completion is off here: ${reason}`, attention: false };
  }
  const why = status.reason ? `: ${status.reason}` : "";
  const lines = [`LSTM completion is ${status.state}${why}`, ...facts(status)];
  return { text: `${ICONS[status.state]} LSTM`, tooltip: lines.join("\n"), attention: false };
}

/** Why nothing is suggested in the document in front, though the server is well. */
export function offHere({ language, languages, enabled }: Here): string | undefined {
  if (!enabled) {
    return "suggestions are switched off";
  }
  if (language === undefined || languages.includes(language)) {
    return undefined;
  }
  return LANGUAGES.includes(language)
    ? `it is switched off for ${language}`
    : `${language} is not one of its languages`;
}

/** The model and what it takes, as lines. */
export function facts(status: Status): string[] {
  const lines = [];
  if (status.model !== null) {
    lines.push(`Model: ${status.model}`);
  }
  if (status.memoryMegabytes > 0) {
    lines.push(`Memory: ${Math.round(status.memoryMegabytes)} MB`);
  }
  if (status.total > 0) {
    lines.push(`Project: ${status.indexed} of ${status.total} files read`);
  }
  return lines;
}
