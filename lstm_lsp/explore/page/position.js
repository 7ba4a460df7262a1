// What is known at one character: what was expected there and next, and what moved.

import { QUANTITIES, make, percent, signed, symbolName, table, unitTitle } from "./dom.js";
import { lineAndColumn, possible, unitOf } from "./reading.js";

/** A panel for `reading`. `show(at)` fills it; cheap enough to be called while a pointer moves. */
export function positionPanel(app, reading) {
  const element = make("div", { id: "position-panel" }, make("h2", {}, "At a character"),
    make("p", { class: "faint" }, "Point at a character, or move with the arrow keys, to see what the network expects there."));
  let shown = -1;
  let timer = 0;

  function bars(at) {
    const { probabilities, symbols } = reading.predictions;
    const came = at + 1 < reading.size ? reading.symbols[at + 1] : -1;
    return possible(reading, at).map((n) => {
      const symbol = symbols[n];
      const share = probabilities[n];
      return make("div", { class: symbol === came ? "bar came" : "bar" },
        make("span", { class: "code" }, symbolName(symbol)),
        make("div", {}, make("div", { style: { width: share * 100 + "%" } })),
        make("span", {}, percent(share)));
    });
  }

  async function more(at) {
    const { layer, unit } = app.state;
    const [values, moved] = await Promise.all([
      unitOf(reading, layer, unit),
      app.source.json("changed", { id: reading.id, at }),
    ]);
    if (shown !== at) return;
    const six = table([unitTitle(layer, unit), ""], reading.subject.quantities.map((name) =>
      make("tr", { "data-quantity": name }, make("td", {}, `${QUANTITIES[name].letter} ${QUANTITIES[name].title}`),
        make("td", { class: "number" }, signed(values[name][at])))));
    const units = table(["moved most here", "Δh"], moved.map((one) =>
      make("tr", {}, make("td", {}, make("button", { class: "link",
        onclick: () => app.go({ view: "neuron", layer: one.layer, unit: one.unit, at }) }, unitTitle(one.layer, one.unit))),
      make("td", { class: "number" }, signed(one.change, 2)))));
    element.querySelector(".more").replaceChildren(six, make("br"), units);
  }

  function show(at) {
    if (!reading || at < 0 || at >= reading.size || at === shown) return;
    shown = at;
    app.at = at;
    const [line, column] = lineAndColumn(reading, at);
    const old = element.querySelector(".more");
    element.replaceChildren(
      make("h2", {}, make("span", { class: "code" }, symbolName(reading.symbols[at])), ` at ${line}:${column}`),
      make("p", {}, make("b", { id: "bits" }, reading.predictions.bits[at].toFixed(2)), " bits to come here ",
        make("span", { class: "faint" }, `(mean ${reading.mean.toFixed(2)})`)),
      make("h3", {}, "Expected next"),
      ...bars(at),
      make("p", { class: "faint" }, at + 1 < reading.size ? `came: ${symbolName(reading.symbols[at + 1])}` : "the text ends here"),
      old || make("div", { class: "more" }));
    clearTimeout(timer);
    timer = setTimeout(() => more(at).catch((error) => app.say(error.message)), 120);
  }

  return { element, show };
}
