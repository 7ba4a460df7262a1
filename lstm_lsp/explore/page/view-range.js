// Range match, after LSTMVis: mark a range, see which units are on all through it, and where
// else the same ones are.

import { make, select, signed, table, unitTitle } from "./dom.js";
import { excerpt, unitOf } from "./reading.js";
import { textView } from "./text.js";

export async function rangeView(app, reading, panel) {
  const result = make("div", { id: "matches" });
  let colour = () => NaN;
  let threshold = 0.3;
  let range = null;
  let asked = 0;
  const text = textView(reading, {
    label: "The text",
    value: (at) => colour(at),
    hover: panel.show,
    mark: (start, end) => {
      range = [start, end];
      match();
    },
    height: 360,
  });

  async function match() {
    if (!range) return;
    const mine = ++asked;
    const [start, end] = range;
    try {
      const found = await app.source.json("match", { id: reading.id, start, end, threshold });
      if (mine === asked) show(found, start, end);
    } catch (error) {
      app.say(error.message);
    }
  }

  function show(found, start, end) {
    if (!found.units.length) {
      result.replaceChildren(make("p", {}, `${found.on} units are on all through this range, and all of them in most of the text too; a shorter range or another threshold may help.`));
      return;
    }
    const units = found.units.map((one) =>
      make("tr", {}, make("td", {}, make("button", { class: "link", onclick: async () => {
        const { hidden } = await unitOf(reading, one.layer, one.unit);
        colour = (at) => hidden[at];
        text.draw();
      } }, unitTitle(one.layer, one.unit))),
      make("td", {}, one.sign > 0 ? "above" : "below"),
      make("td", { class: "number" }, (one.share * 100).toFixed(1) + " %"),
      make("td", {}, make("button", { class: "link", onclick: () => app.go({ view: "neuron", layer: one.layer, unit: one.unit, at: start }) }, "open"))));
    const places = found.places.map((one) => {
      const [before, here, after] = excerpt(reading, one.start, 16, end - start + 16);
      const size = end - start - 1;
      return make("tr", { class: "pick", onclick: () => text.reveal(one.start, end - start) },
        make("td", { class: "number" }, (one.score * 100).toFixed(0) + " %"),
        make("td", { class: "code" }, before, make("mark", {}, here + after.slice(0, size)), after.slice(size)),
        make("td", {}, make("button", { class: "link" }, "show")));
    });
    result.replaceChildren(
      make("p", {}, `${found.on} units are on all through “${excerpt(reading, start, 0, end - start).join("")}”; the rarest of them:`),
      make("div", { class: "row", style: { alignItems: "flex-start", gap: "32px" } },
        table(["unit", signed(threshold, 1).replace("+", "±"), "on in the text", ""], units),
        make("div", { id: "places" }, table(["of them on", "other places", ""], places))));
  }

  app.legend("−1", "+1");
  return [
    make("h2", {}, "Mark a range, find the units that are on in it"),
    make("p", { class: "faint prose" }, "Drag over some characters of the text, or hold Shift and move with the arrow keys: a string, say, or a name. " +
      "The units that are on all through it are listed, and where else they are."),
    make("div", { class: "row" },
      select("A unit is on when its hidden state is beyond", [[0.1, "±0.1"], [0.3, "±0.3"], [0.5, "±0.5"], [0.8, "±0.8"]], 0.3, (value) => {
        threshold = Number(value);
        match();
      })),
    text.element,
    result,
  ];
}
