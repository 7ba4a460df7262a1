// All units of a layer over the text: one row a unit, sorted by any score.

import { lowEnd, make, QUANTITIES, quantityTitle, select } from "./dom.js";
import { matrix } from "./matrix.js";

const ROWS = 32;
const COLUMNS = 256;
const SCORES = {
  number: "number",
  "mean size": "mean size",
  spread: "spread",
  largest: "largest size",
  change: "mean change a character",
  "output weight": "size of output weights",
  here: "change at the last character pointed at",
};

export async function networkView(app, reading, panel) {
  const { layer, quantity } = app.state;
  const attribute = app.state.sort?.startsWith("attribute:") ? app.state.sort.slice(10) : "";
  const scores = await app.source.json("scores", { id: reading.id, layer, quantity, attribute });
  const units = reading.subject.units;
  const sort = attribute ? "attribute" : app.state.sort || "number";
  let by = scores[sort] || null;
  if (sort === "here") {
    const moved = await here(app, reading, layer, quantity);
    by = moved;
  }
  const order = Array.from({ length: units }, (_, n) => n);
  if (by) order.sort((one, two) => Math.abs(by[two]) - Math.abs(by[one]));
  let shared = app.state.scale === "shared";

  const tiles = new Map();
  const reach = quantity === "cell" ? reading.reach[layer] : 1;
  async function load(block, columns) {
    const key = `${block}:${columns}`;
    if (tiles.has(key)) return;
    tiles.set(key, null);
    if (tiles.size > 400) tiles.delete(tiles.keys().next().value);
    const wanted = order.slice(block * ROWS, (block + 1) * ROWS);
    const start = columns * COLUMNS;
    const end = Math.min(reading.size, start + COLUMNS);
    try {
      const tile = await app.source.tile(reading.id, layer, quantity, wanted, start, end);
      tiles.set(key, { ...tile, width: end - start });
      grid.draw();
    } catch (error) {
      app.say(error.message);
    }
  }

  const grid = matrix(reading, {
    label: `Units of layer ${layer + 1}`,
    rows: order.map((unit) => ({ label: `unit ${unit + 1}`, note: by ? by[unit].toFixed(3) : "" })),
    names: 140,
    height: 560,
    value(row, at) {
      const tile = tiles.get(`${Math.floor(row / ROWS)}:${Math.floor(at / COLUMNS)}`);
      if (!tile) return NaN;
      const within = row % ROWS;
      const value = tile.values[within * tile.width + (at % COLUMNS)] / 127;
      return shared ? (value * tile.scale[within]) / reach : value;
    },
    need([first, last], [from, to]) {
      for (let block = Math.floor(first / ROWS); block * ROWS < last; block++) {
        for (let columns = Math.floor(from / COLUMNS); columns * COLUMNS < to; columns++) load(block, columns);
      }
    },
    hover: (at) => panel.show(at),
    pick: (row, at) => app.go({ view: "neuron", unit: order[row], at: at >= 0 ? at : undefined }),
  });

  const options = Object.entries(SCORES).filter(([name]) => name !== "output weight" || scores[name]);
  const named = app.source.live ? reading.attributes : [];
  const wanted = [...options, ...named.map((one) => [`attribute:${one.name}`, `${one.measure} with ${one.name}`])];
  const legendEnd = quantity === "cell" ? (shared ? reach.toFixed(1) : "max") : "1";
  app.legend(lowEnd(quantity, legendEnd), "+" + legendEnd);
  return [
    make("h2", {}, `${units} units of layer ${layer + 1}: ${quantityTitle(quantity)}`),
    make("div", { class: "row" },
      select("Sorted by", wanted, app.state.sort || "number", (value) => app.go({ sort: value === "number" ? undefined : value })),
      select("Column width", [[2, "2"], [5, "5"], [9, "9"], [13, "13"], [18, "18"]], 13, (width) => grid.zoom(Number(width))),
      quantity === "cell"
        ? select("Scale", [["own", "each unit its own"], ["shared", "one for all"]], shared ? "shared" : "own", (scale) => app.go({ scale }))
        : null),
    grid.element,
    make("p", { class: "faint" },
      `A colour stands at the character that was just read: the state after it, which predicts the next one; ` +
      `its gates were computed from the state before it. A click opens a unit. ${QUANTITIES[quantity].article ? `The article calls this “${QUANTITIES[quantity].article}”.` : ""}`),
  ];
}

/** How far each unit moved at the last character pointed at. */
async function here(app, reading, layer, quantity) {
  const at = Math.min(app.at ?? 1, reading.size - 1);
  const all = Array.from({ length: reading.subject.units }, (_, n) => n);
  const from = Math.max(0, at - 1);
  const { scale, values } = await app.source.tile(reading.id, layer, quantity, all, from, at + 1);
  const width = at + 1 - from;
  return all.map((unit) => ((values[unit * width + width - 1] - values[unit * width]) * scale[unit]) / 127);
}
