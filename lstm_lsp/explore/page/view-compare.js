// LSTM, peephole LSTM, GRU and plain RNN side by side on one experiment: what each writes, and
// what each carries.

import { cellName, cellOrder, make, percent, select, symbolName } from "./dom.js";
import { matrix } from "./matrix.js";

// What each task asks for, given the beginning of a string.
const TASKS = {
  counter: { turn: "X", begin: "aaaaaaaaaaaaX", rest: (text) => "b".repeat(count(text, "a")) },
  "selective-counter": { turn: "Y", begin: "aaXaaaXXaY", rest: (text) => "b".repeat(count(text, "a")) },
  state: { turn: "Y", begin: "AxxxxxxxxxxxxxxxY", rest: (text) => text[0].toLowerCase() },
  copy: { turn: "X", begin: "bcaX", rest: (text) => text.slice(0, 3) },
};
const count = (text, letter) => text.split(letter).length - 1;

export async function compareView(app) {
  const experiments = [...new Set(app.subjects.map((one) => one.experiment).filter(Boolean))];
  if (!experiments.length) return make("p", {}, "No experiments ship with this installation.");
  const experiment = experiments.includes(app.state.experiment) ? app.state.experiment : experiments[0];
  const task = TASKS[experiment];
  const subjects = app.subjects
    .filter((one) => one.experiment === experiment)
    .sort((one, two) => cellOrder(one.cell) - cellOrder(two.cell));
  const given = app.source.live ? app.state.given || task?.begin || "" : "";
  const box = make("input", { value: given, spellcheck: false, class: "code", id: "given", size: 40 });
  box.onchange = () => app.go({ given: box.value.trim() });
  const cards = await Promise.all(subjects.map((subject) => card(app, subject, given, task)));
  return [
    make("h2", {}, "The same task, other cells"),
    make("div", { class: "row" },
      select("Experiment", experiments.map((one) => [one, one]), experiment, (one) => app.go({ experiment: one, given: undefined })),
      app.source.live ? make("label", {}, "The string begins", box) : null,
      app.source.live ? make("button", { onclick: () => app.go({ given: box.value.trim() }) }, "Read it") : null),
    make("p", { class: "faint prose" }, subjects[0].about + ". Each network goes on with the likeliest character until it ends the string."),
    make("div", { class: "cards" }, cards),
  ];
}

/** What was written instead of what was asked for, in few words. */
function missed(text, wanted) {
  const [letter] = wanted;
  const alike = wanted.length > 1 && [...text].every((one) => one === letter) && [...wanted].every((one) => one === letter);
  return alike ? `${text.length} instead of ${wanted.length}` : `not ${wanted}`;
}

async function card(app, subject, given, task) {
  const sample = subject.samples[0];
  const head = make("h3", {}, make("a", { href: `#/network?subject=${encodeURIComponent(subject.id)}` }, cellName(subject.cell)));
  const free = await app.readingOf(subject, { text: given || sample.text, language: "text" });
  const said = [];
  let shown = free;
  if (given) {
    const { text } = await app.source.post("write", { id: free.id, at: free.size - 2, count: 60, temperature: 0, seed: 0 });
    const wanted = task && given.includes(task.turn) ? task.rest(given) : null;
    const right = wanted !== null && text === wanted;
    said.push(make("p", { class: "code", "data-written": text }, given, make("mark", {}, text || "(ends)"),
      wanted === null ? "" : right ? " ✓ right" : ` ✗ ${missed(text, wanted)}`));
    shown = await app.readingOf(subject, { text: given + text, language: "text" });
    const next = Array.from({ length: 3 }, (_, n) => {
      const at = (given.length - 1) * 5 + n;
      return `${symbolName(free.predictions.symbols[at])} ${percent(free.predictions.probabilities[at])}`;
    });
    said.push(make("p", { class: "faint" }, `after what was given: ${next.join(", ")}`));
  }
  const layer = subject.layers - 1;
  const carried = subject.quantities.includes("cell") ? "cell" : "hidden";
  const units = Array.from({ length: subject.units }, (_, n) => n);
  const tile = await app.source.tile(shown.id, layer, carried, units, 0, shown.size);
  const grid = matrix(shown, {
    label: `${carried} of ${subject.title}`,
    rows: units.map((unit) => ({ label: `unit ${unit + 1}` })),
    names: 62,
    height: 440,
    cell: shown.size > 18 ? 9 : 13,
    value: (row, at) => tile.values[row * shown.size + at] / 127,
    pick: (row) => app.go({ view: "neuron", subject: subject.id, layer, unit: row }),
  });
  return make("section", { "data-cell": subject.cell }, head, said, grid.element,
    make("p", { class: "faint" }, `${carried} state of every unit, each by its own largest`));
}
