/** Which parts of a text are how surprising. Knows nothing of VS Code. */

/** Bits from which on a character has shade 1, 2, ...; with fewer it has none. */
export const THRESHOLDS = [1, 2, 4, 7, 11] as const;

/** UTF-16 offsets of a stretch whose characters all have shade `level`, from 1 on. */
export interface Stretch {
  readonly level: number;
  readonly start: number;
  readonly end: number;
}

export function level(bits: number): number {
  return THRESHOLDS.filter((threshold) => bits >= threshold).length;
}

/** The shaded stretches of `text`, whose characters (code points) have `bits`. */
export function stretches(text: string, bits: readonly number[]): Stretch[] {
  const found: Stretch[] = [];
  let start = 0;
  let index = 0;
  for (const character of text) {
    const end = start + character.length;
    const shade = level(bits[index++] ?? 0);
    const last = found.at(-1);
    if (last?.level === shade && last.end === start) {
      found[found.length - 1] = { ...last, end };
    } else if (shade > 0) {
      found.push({ level: shade, start, end });
    }
    start = end;
  }
  return found;
}
