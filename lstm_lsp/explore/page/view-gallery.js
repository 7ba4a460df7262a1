// The article's experiments, and a way in to the model that reads code.

import { cellOrder, make, QUANTITIES, unitTitle } from "./dom.js";
import { matrix } from "./matrix.js";
import { unitOf } from "./reading.js";

const STORIES = {
  counter: "Can an LSTM count? Some units' cells grow by one at every a and shrink by one at every b.",
  "selective-counter": "The same, with X's that must not count: what keeps them out, the input gate or the candidate?",
  state: "Remember A or B while x's go by: one unit holds it, in an LSTM with its forget gate open.",
  copy: "Repeat three letters after X: units that know the string, and units that merely know the next letter.",
};

export async function galleryView(app) {
  const models = app.subjects.filter((one) => !one.experiment);
  const order = (one) => Object.keys(STORIES).indexOf(one.experiment) * 10 + cellOrder(one.cell);
  const experiments = app.subjects.filter((one) => one.experiment).sort((one, two) => order(one) - order(two));
  const cards = await Promise.all(experiments.map((subject) => card(app, subject)));
  return [
    make("h2", {}, "Look inside"),
    make("p", { class: "prose" }, "Every unit, state and gate of a character-level LSTM while it reads. The experiments are those of ",
      make("i", {}, "Exploring LSTMs"), " (Edwin Chen, 2017), trained again; ",
      make("a", { href: "#/equations" }, "the equations"), " stand beside the article's own names."),
    make("p", { class: "prose faint" }, "All traces here are of one step: the gates at a character were computed from the state before it, " +
      "the states are those after it. The article's explorer showed gates computed from the state already updated, one step late."),
    ...models.map((model) => make("section", { class: "card", style: { margin: "12px 0" } },
      make("h3", { style: { margin: 0 } }, make("a", { href: `#/network?subject=${model.id}` }, `The model ${model.title}`)),
      make("p", {}, model.about, ". ", make("a", { href: `#/text?subject=${model.id}` }, "See what it expects"), ", ",
        make("a", { href: `#/find?subject=${model.id}` }, "find units by what they say"), " or ",
        make("a", { href: `#/range?subject=${model.id}` }, "by a range of the text"), "."))),
    make("div", { class: "cards" }, cards),
  ];
}

async function card(app, subject) {
  const reading = await app.readingOf(subject, subject.samples[0]);
  const [layer, unit, says] = subject.highlights[0] || (await strongest(app, reading));
  const values = await unitOf(reading, layer, unit);
  const names = subject.quantities.filter((name) => name !== "reset");
  const scale = values.cell ? values.cell.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6) : 1;
  const open = (l, u) => app.go({ view: "neuron", subject: subject.id, layer: l, unit: u });
  const strip = matrix(reading, {
    label: `${unitTitle(layer, unit)} of ${subject.title}`,
    rows: names.map((name) => ({ label: `${QUANTITIES[name].letter} ${QUANTITIES[name].title}` })),
    names: 112,
    cell: 11,
    height: 200,
    value: (row, at) => values[names[row]][at] / (names[row] === "cell" ? scale : 1),
    pick: () => open(layer, unit),
  });
  const others = subject.highlights.slice(1).map(([l, u, text]) =>
    make("li", {}, make("button", { class: "link", onclick: () => open(l, u) }, unitTitle(l, u)), `: ${text}`));
  return make("section", { "data-subject": subject.id },
    make("h3", { style: { marginTop: 0 } }, make("a", { href: `#/network?subject=${encodeURIComponent(subject.id)}` }, subject.title)),
    make("p", {}, STORIES[subject.experiment] || "", make("span", { class: "faint" }, ` ${subject.about}.`)),
    make("p", {}, make("button", { class: "link", onclick: () => open(layer, unit) }, unitTitle(layer, unit)), says ? `: ${says}` : ""),
    strip.element,
    others.length ? make("ul", {}, others) : "");
}

/** The unit that says most about the experiment's first attribute. */
async function strongest(app, reading) {
  for (const { name } of reading.attributes) {
    try {
      const { measure, units } = await app.source.json("find", { id: reading.id, attribute: name });
      const [one] = units;
      return [one.layer, one.unit, `${name}, ${measure} ${one.chosen.toFixed(3)} (${one.quantity})`];
    } catch {
      // does not vary in one half; the next may
    }
  }
  return [reading.subject.layers - 1, 0, ""];
}
