// From an attribute of the text to the units that say most about it.

import { make, QUANTITIES, quantityTitle, select, table, unitTitle } from "./dom.js";
import { unitOf } from "./reading.js";
import { textView } from "./text.js";

export async function findView(app, reading, panel) {
  if (!reading.attributes.length) return make("p", {}, "Nothing in this text varies that has a name; read a longer one.");
  const known = reading.attributes.find((one) => one.name === app.state.attribute) || reading.attributes[0];
  const place = make("div");
  const bar = make("div", { class: "row" },
    select("Attribute", reading.attributes.map((one) => [one.name, one.name]), known.name, (attribute) => app.go({ attribute })),
    make("span", { class: "faint" }, known.meaning));
  let found;
  try {
    found = await app.source.json("find", { id: reading.id, attribute: known.name });
  } catch (error) {
    app.say(error.message);
    return [make("h2", {}, "Find units by what they say"), bar];
  }
  async function show(one, row) {
    for (const other of rows) other.classList.toggle("chosen", other === row);
    const values = (await unitOf(reading, one.layer, one.unit))[one.quantity];
    const scale = one.quantity === "cell" ? values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6) : 1;
    const text = textView(reading, {
      label: `The text coloured by ${unitTitle(one.layer, one.unit)}`,
      value: (at) => values[at] / scale,
      hover: panel.show,
      height: Math.max(340, window.innerHeight - 250),
    });
    place.replaceChildren(make("h3", {}, `${unitTitle(one.layer, one.unit)}, ${quantityTitle(one.quantity)}`), text.element);
    app.legend("−" + scale.toFixed(1), "+" + scale.toFixed(1));
  }
  const chance = found.measure === "AUC" ? 0.5 : 0;
  // In the direction found on the first half: what the second contradicts comes last.
  const proved = (one) => (one.score - chance) * Math.sign(one.chosen - chance);
  const best = found.units.slice(0, 20).sort((one, two) => proved(two) - proved(one));
  const rows = best.map((one) => {
    const row = make("tr", { class: "pick", onclick: () => show(one, row) },
      make("td", {}, make("button", { class: "link", onclick: (event) => {
        event.stopPropagation();
        app.go({ view: "neuron", layer: one.layer, unit: one.unit, quantity: one.quantity });
      } }, unitTitle(one.layer, one.unit))),
      make("td", {}, QUANTITIES[one.quantity].letter),
      make("td", { class: "number" }, one.chosen.toFixed(3)),
      make("td", { class: "number" }, one.score.toFixed(3)),
      make("td", {}, make("button", { class: "link", title: "colour the text by it" }, "show")));
    return row;
  });
  await show(best[0], rows[0]);
  return [
    make("h2", {}, "Find units by what they say"),
    bar,
    make("div", { class: "row", style: { alignItems: "flex-start" } },
      make("div", {}, table(["unit", "", `${found.measure} where chosen`, "other half", ""], rows)),
      make("div", { style: { flex: "1", minWidth: "320px" } }, place)),
    make("p", { class: "faint prose" },
      `Twenty units are chosen on one half of the text (${found.places[0].toLocaleString("en")} places) and put in order on the other ` +
      `(${found.places[1].toLocaleString("en")}): eight lines by eight, or strings two by two. Halves of one text are alike; ` +
      "`lstm-lsp neurons` chooses and scores on different files, and tells what is used from what is merely there."),
  ];
}
