// A text that a network read: its symbols, how they are shown, and what came of it so far.

const decoder = new TextDecoder("utf-8");

/** Reads `text`; calls `progress(share)` meanwhile. Resolves when all of it is read. */
export async function read(source, subject, text, language, { held, progress } = {}) {
  const asked = { subject: subject.id, text, language };
  if (held) asked.held = held;
  const { id } = await source.post("read", asked);
  let state = await source.json("progress", { id });
  for (let wait = 40; state.done < state.total; wait = Math.min(400, wait * 1.5)) {
    progress?.(state.done / state.total);
    await new Promise((resolve) => setTimeout(resolve, wait));
    state = await source.json("progress", { id });
  }
  progress?.(1);
  const [about, predictions] = await Promise.all([
    source.json("about", { id }),
    source.predictions(id),
  ]);
  const symbols = Uint8Array.from(about.text, (c) => c.charCodeAt(0));
  return {
    id,
    source,
    subject,
    language,
    given: text,
    size: symbols.length,
    symbols,
    glyphs: glyphs(symbols),
    attributes: about.attributes,
    held: about.held,
    mean: state.bits,
    reach: state.reach,
    predictions,
    units: new Map(),
  };
}

/** One unit's quantities, {name: Float32Array}; kept. */
export async function unitOf(reading, layer, unit) {
  const key = `${layer}:${unit}`;
  if (!reading.units.has(key)) {
    if (reading.units.size > 24) reading.units.clear();
    reading.units.set(key, await reading.source.unit(reading.id, layer, unit, reading.subject.quantities));
  }
  return reading.units.get(key);
}

/** What is drawn for each symbol: a character at its first byte, "" at those that follow. */
function glyphs(symbols) {
  const shown = new Array(symbols.length);
  for (let n = 0; n < symbols.length; n++) {
    const first = symbols[n];
    if (first < 0x80) {
      shown[n] = first === 10 ? "⏎" : first === 9 ? "⇥" : first < 32 ? "·" : String.fromCharCode(first);
      continue;
    }
    let end = n + 1;
    while (end < symbols.length && (symbols[end] & 0xc0) === 0x80) end++;
    shown[n] = decoder.decode(symbols.subarray(n, end));
    while (n + 1 < end) shown[++n] = "";
  }
  return shown;
}

/** Line and column of a position, both from 1 on, in characters. */
export function lineAndColumn(reading, at) {
  let line = 1;
  let start = 0;
  for (let n = 0; n < at; n++) {
    if (reading.symbols[n] === 10) {
      line++;
      start = n + 1;
    }
  }
  let column = 1;
  for (let n = start; n < at; n++) if (reading.glyphs[n] !== "") column++;
  return [line, column];
}

/** A piece of the text around a position, for lists. */
export function excerpt(reading, at, before, after) {
  const from = Math.max(0, at - before);
  const to = Math.min(reading.size, at + after);
  return [
    reading.glyphs.slice(from, at).join(""),
    reading.glyphs[at] || "",
    reading.glyphs.slice(at + 1, to).join(""),
  ];
}
