// Elements from descriptions, and a few words for numbers and symbols.

/** An element: `make("button", {onclick, title}, "text", child)`. Strings become text, never HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name === "style") Object.assign(element.style, value);
    else if (name.startsWith("aria-") || name.startsWith("data-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function select(label, options, value, change) {
  const box = make("select", { onchange: () => change(box.value) });
  for (const [key, text] of options) {
    box.append(make("option", { value: key, selected: String(key) === String(value) }, text));
  }
  return make("label", {}, label, box);
}

export function table(headings, rows) {
  const head = make("tr", {}, headings.map((text) => make("th", {}, text)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, rows));
}

/** Where a cell stands among those shown side by side; ones without a place here come last. */
export const cellOrder = (cell) => (["lstm", "peephole", "gru", "rnn"].indexOf(cell) + 9) % 9;

const CELLS = {
  lstm: "LSTM",
  peephole: "peephole LSTM",
  gru: "GRU",
  rnn: "plain RNN",
  "no-input-gate": "LSTM without input gate",
};
export const cellName = (cell) => CELLS[cell] || cell;

const NAMED = { 9: "⇥", 10: "⏎", 13: "␍", 32: "␣", 3: "end" };

/** How one symbol (a byte) is shown. */
export function symbolName(symbol) {
  if (NAMED[symbol]) return NAMED[symbol];
  if (symbol > 32 && symbol < 127) return String.fromCharCode(symbol);
  return "0x" + symbol.toString(16).padStart(2, "0");
}

export const signed = (value, digits = 3) => (value > 0 ? "+" : "") + value.toFixed(digits);
export const percent = (value) => (value >= 0.0995 ? (value * 100).toFixed(0) : (value * 100).toFixed(1)) + " %";

/** The names of the quantities: the letter of the equations, and the article's own word. */
export const QUANTITIES = {
  cell: { letter: "c", title: "cell state", article: "long-term memory" },
  hidden: { letter: "h", title: "hidden state", article: "working memory" },
  forget: { letter: "f", title: "forget gate", article: "remember" },
  input: { letter: "i", title: "input gate", article: "save" },
  candidate: { letter: "g", title: "candidate", article: "candidate memory" },
  output: { letter: "o", title: "output gate", article: "focus" },
  reset: { letter: "r", title: "reset gate", article: "" },
};
const GATES = new Set(["forget", "input", "output", "reset"]);
/** What the legend says at its lower end: nothing for gates, which are never negative. */
export const lowEnd = (name, end) => (GATES.has(name) ? "" : "−" + end);
export const quantityTitle = (name) => `${QUANTITIES[name].letter} – ${QUANTITIES[name].title}`;
export const unitTitle = (layer, unit) => `layer ${layer + 1}, unit ${unit + 1}`;
