// A text that a network read: its symbols, how they are shown, and what came of it so far.

const decoder = new TextDecoder("utf-8");

const FIRST = 2000;
const GROWS = 4;

/**
 * Reads `text`; calls `progress(share)` meanwhile. Resolves to a reading of all of it or, of a long
 * text, of the part that is read by then: that has `more`, a promise of a longer one.
 */
export async function read(source, subject, text, language, { held, progress } = {}) {
  const asked = { subject: subject.id, text, language };
  if (held) asked.held = held;
  const { id } = await source.post("read", asked);

  async function reach(wanted) {
    let state = await source.json("progress", { id });
    const enough = () => state.done >= (wanted * GROWS < state.total ? wanted : state.total);
    for (let wait = 40; !enough(); wait = Math.min(400, wait * 1.5)) {
      progress?.(state.done / state.total);
      await new Promise((resolve) => setTimeout(resolve, wait));
      state = await source.json("progress", { id });
    }
    progress?.(state.done / state.total);
    const [about, predictions] = await Promise.all([source.json("about", { id }), source.predictions(id)]);
    const size = predictions.bits.length;
    const symbols = Uint8Array.from(about.text.slice(0, size), (c) => c.charCodeAt(0));
    const reading = {
      id,
      source,
      subject,
      language,
      given: text,
      size,
      total: state.total,
      symbols,
      glyphs: glyphs(symbols),
      attributes: about.attributes,
      held: about.held,
      mean: state.bits,
      reach: state.reach,
      predictions,
      units: new Map(),
      more: null,
    };
    if (size < state.total) {
      reading.more = reach(size * GROWS);
      reading.more.catch(() => {}); // whoever waits for it is told
    }
    return reading;
  }

  return reach(FIRST);
}

/** The reading of all of a text that `reading` began. */
export async function whole(reading) {
  let known = reading;
  while (known.more) known = await known.more;
  return known;
}

/** One unit's quantities, {name: Float32Array}; kept. */
export async function unitOf(reading, layer, unit) {
  const key = `${layer}:${unit}`;
  if (!reading.units.has(key)) {
    if (reading.units.size > 24) reading.units.clear();
    const found = await reading.source.unit(reading.id, layer, unit, reading.subject.quantities);
    for (const name of Object.keys(found)) found[name] = found[name].subarray(0, reading.size);
    reading.units.set(key, found);
  }
  return reading.units.get(key);
}

const IMPOSSIBLE = 1e-12;

/** Where the likeliest next symbols at a position stand, those left out that a network does not have. */
export function possible(reading, at) {
  const places = Array.from({ length: 5 }, (_, n) => at * 5 + n);
  return places.filter((n) => reading.predictions.probabilities[n] > IMPOSSIBLE);
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
