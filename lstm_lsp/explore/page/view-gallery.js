// The article's experiments, and a way in to the model that reads code.

import { cellName, cellOrder, make, QUANTITIES, unitTitle } from "./dom.js";
import { matrix } from "./matrix.js";
import { unitOf } from "./reading.js";
import { textView } from "./text.js";

const STORIES = {
  counter: ["Counter", "Can an LSTM count? Some units' cells grow by one at every a and shrink by one at every b."],
  "selective-counter": ["Selective counter", "The same, with X's that must not count: what keeps them out, the input gate or the candidate?"],
  state: ["State memoriser", "Remember A or B while x's go by: one unit holds it, in an LSTM with its forget gate open."],
  copy: ["Copy machine", "Repeat three letters after X: units that know the string, and units that merely know the next letter."],
};

export async function galleryView(app) {
  const models = app.subjects.filter((one) => !one.experiment);
  const groups = await Promise.all(Object.keys(STORIES).map((experiment) => group(app, experiment)));
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
        make("a", { href: `#/range?subject=${model.id}` }, "by a range of the text"), "."),
      expected(app, model))),
    groups,
  ].flat(2);
}

/** A model's first sample by how unexpected each character was; there when it has been read. */
function expected(app, model) {
  const place = make("div", { class: "hero" });
  app.readingOf(model, model.samples[0]).then((reading) => {
    const { bits } = reading.predictions;
    const text = textView(reading, {
      label: `${model.samples[0].name} by how unexpected each character was`,
      value: (at) => -Math.min(1, bits[at] / 8),
      pick: (at) => app.go({ view: "text", subject: model.id, at }),
      height: 166,
    });
    place.replaceChildren(text.element);
  }, (error) => app.say(error.message));
  return place;
}

/** One experiment: its story once, a card for each cell that was trained on it. */
async function group(app, experiment) {
  const subjects = app.subjects.filter((one) => one.experiment === experiment);
  if (!subjects.length) return [];
  subjects.sort((one, two) => cellOrder(one.cell) - cellOrder(two.cell));
  const cards = await Promise.all(subjects.map((subject) => card(app, subject)));
  const [title, story] = STORIES[experiment];
  const compare = make("a", { href: `#/compare?experiment=${experiment}` }, "compare the cells");
  return [
    make("h2", { style: { marginTop: "28px" } }, title),
    make("p", { class: "prose" }, story, make("span", { class: "faint" }, ` ${subjects[0].about}. `), subjects.length > 1 ? compare : ""),
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
    make("h3", {}, make("a", { href: `#/network?subject=${encodeURIComponent(subject.id)}` }, cellName(subject.cell))),
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
      return [one.layer, one.unit, `its ${one.quantity} state says “${name}”: ${measure} ${one.chosen.toFixed(3)}`];
    } catch {
      // does not vary in one half; the next may
    }
  }
  return [reading.subject.layers - 1, 0, ""];
}
