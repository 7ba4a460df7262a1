// One unit: its quantities over the text, lines, top excerpts, how its values spread, what it says
// about the text, and which characters it raises.

import { histogram, lineChart } from "./chart.js";
import { series } from "./colour.js";
import { make, QUANTITIES, quantityTitle, signed, symbolName, table, unitTitle } from "./dom.js";
import { matrix } from "./matrix.js";
import { excerpt, unitOf } from "./reading.js";
import { textView } from "./text.js";

const NAMES = 150; // pixels for the names of the quantities

export async function neuronView(app, reading, panel) {
  const { layer, unit, quantity } = app.state;
  const { subject } = reading;
  const [values, said, raised] = await Promise.all([
    unitOf(reading, layer, unit),
    app.source.json("unit-attributes", { id: reading.id, layer, unit }),
    app.source.json("raises", { subject: subject.id, layer, unit }),
  ]);
  const names = subject.quantities;
  const scales = Object.fromEntries(names.map((name) => [name, name === "cell" ? largest(values.cell) : 1]));
  const scaled = (name, at) => values[name][at] / scales[name];

  let at = app.state.at ?? -1;
  const hover = (position) => {
    at = position;
    panel.show(position);
    drawChart();
  };
  const chart = lineChart(names, scales, {
    left: NAMES,
    hover(position) {
      hover(position);
      strips.reveal(position);
    },
  });
  let sight = null;
  const drawChart = () => sight && chart.draw(values, sight.from, sight.to, at, sight.middle);
  const strips = matrix(reading, {
    label: "Quantities of this unit",
    rows: names.map((name) => ({ label: quantityTitle(name) })),
    names: NAMES,
    value: (row, position) => scaled(names[row], position),
    hover,
    pick: (row) => app.go({ quantity: names[row] }),
    scroll(from, to, middle) {
      sight = { from, to, middle };
      drawChart();
    },
  });
  const text = textView(reading, {
    label: `The text coloured by ${quantityTitle(quantity)}`,
    value: (position) => scaled(quantity, position),
    hover: (position) => {
      hover(position);
      strips.reveal(position);
    },
    height: 300,
  });
  if (at >= 0) {
    queueMicrotask(() => {
      strips.reveal(at);
      text.reveal(at);
    });
  }
  const step = (by) => app.go({ unit: (unit + by + subject.units) % subject.units });
  const jump = (position) => {
    strips.reveal(position);
    text.reveal(position);
    panel.show(position);
  };
  const end = quantity === "cell" ? scales.cell.toFixed(scales.cell < 10 ? 2 : 0) : "1";
  app.legend("−" + end, "+" + end);
  const highlight = subject.highlights.find(([l, u]) => l === layer && u === unit);
  return [
    make("div", { class: "row" },
      make("h2", {}, `${unitTitle(layer, unit)} of ${subject.title}`),
      make("button", { onclick: () => step(-1), "aria-label": "previous unit" }, "←"),
      make("button", { onclick: () => step(1), "aria-label": "next unit" }, "→"),
      make("button", { onclick: () => app.go({ view: "what-if" }) }, "What if it were held?")),
    highlight ? make("p", {}, highlight[2]) : null,
    strips.element,
    make("div", { class: "row faint" }, names.map((name, n) =>
      make("span", { style: { color: series(n) } }, `${QUANTITIES[name].letter} ${QUANTITIES[name].title}${name === "cell" ? ` ÷ ${scales.cell.toFixed(1)}` : ""}`))),
    chart.element,
    text.element,
    make("div", { class: "cards packed" },
      make("section", { id: "attributes" }, make("h3", {}, "What it says about the text"), attributes(app, said)),
      make("section", {}, make("h3", {}, `How ${quantityTitle(quantity)} spreads`), histogram(values[quantity]).element),
      make("section", { id: "excerpts" }, make("h3", {}, `Where ${QUANTITIES[quantity].letter} is largest and smallest`),
        excerpts(reading, values[quantity], jump)),
      make("section", { id: "raises" }, make("h3", {}, "Characters it raises"), raises(raised, layer, subject)),
      make("section", {}, make("h3", {}, "Mean hidden state after each character"), responses(reading, values.hidden)),
      subject.experiment ? make("section", {}, make("h3", {}, "String by string"), strings(reading, values[quantity], scales[quantity])) : null),
  ].filter(Boolean);
}

function largest(values) {
  let found = 1e-6;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
}

function attributes(app, said) {
  if (!said.length) return make("p", { class: "faint" }, "Nothing in this text varies that has a name.");
  const columns = Object.keys(said[0]).filter((name) => name in QUANTITIES);
  return make("div", {}, table(["", "", ...columns.map((name) => QUANTITIES[name].letter)], said.slice(0, 9).map((one) =>
    make("tr", {}, make("td", {}, make("button", { class: "link", onclick: () => app.go({ view: "find", attribute: one.attribute }) }, one.attribute)),
      make("td", { class: "faint" }, one.measure),
      columns.map((name) => make("td", { class: "number" }, one[name].toFixed(3)))))),
  make("p", { class: "faint" }, "On this text alone: encoded here, not shown to be used. r: −1 to 1; AUC: 0.5 says nothing."));
}

function excerpts(reading, values, jump) {
  const order = Array.from(values.keys()).sort((one, two) => values[two] - values[one]);
  const spread = (list) => {
    const kept = [];
    for (const at of list) {
      if (kept.length === 5) break;
      if (kept.every((other) => Math.abs(other - at) > 12)) kept.push(at);
    }
    return kept;
  };
  const row = (at) => {
    const [before, here, after] = excerpt(reading, at, 14, 9);
    return make("tr", { class: "pick", onclick: () => jump(at) },
      make("td", { class: "number" }, make("button", { class: "link" }, signed(values[at], 2))),
      make("td", { class: "code" }, before, make("mark", {}, here), after));
  };
  return table(["", ""], [...spread(order), ...spread(order.reverse()).reverse()].map(row));
}

function raises(raised, layer, subject) {
  if (!raised.direct) {
    return make("p", { class: "faint" }, `Layer ${layer + 1} speaks to layer ${layer + 2}, not to the output.`);
  }
  const row = ([symbol, weight]) =>
    make("tr", {}, make("td", { class: "code" }, symbolName(symbol)), make("td", { class: "number" }, signed(weight, 2)));
  return make("div", {}, make("div", { class: "row", style: { alignItems: "flex-start", gap: "28px" } },
    table(["raises", ""], raised.raised.map(row)), table(["lowers", ""], raised.lowered.map(row))),
  make("p", { class: "faint" }, `Nats that a hidden state of 1 adds, beside the mean of all characters${subject.experiment ? " of the alphabet" : ""}.`));
}

function responses(reading, hidden) {
  const sums = new Float64Array(256);
  const counts = new Float64Array(256);
  for (let n = 0; n < reading.size; n++) {
    sums[reading.symbols[n]] += hidden[n];
    counts[reading.symbols[n]]++;
  }
  const found = Array.from(sums, (sum, symbol) => [symbol, sum / counts[symbol], counts[symbol]]).filter(([, , count]) => count > 0);
  found.sort((one, two) => two[1] - one[1]);
  const some = found.length > 12 ? [...found.slice(0, 6), ...found.slice(-6)] : found;
  return table(["after", "mean h", "times"], some.map(([symbol, mean, count]) =>
    make("tr", {}, make("td", { class: "code" }, symbolName(symbol)), make("td", { class: "number" }, signed(mean)), make("td", { class: "number" }, count))));
}

/** The value at one character of each string, as the article draws the copy machine at X. */
function strings(reading, values, scale) {
  const symbols = [...new Set(reading.symbols)].filter((symbol) => symbol !== 10);
  const place = make("div");
  let chosen = symbols.includes(89) ? 89 : symbols.includes(88) ? 88 : symbols[0];
  const box = make("select", { onchange: () => ((chosen = Number(box.value)), show()) },
    symbols.map((symbol) => make("option", { value: symbol, selected: symbol === chosen }, symbolName(symbol))));
  function show() {
    const rows = [];
    let start = 0;
    for (let n = 0; n < reading.size; n++) {
      if (reading.symbols[n] !== 10) continue;
      const at = reading.symbols.subarray(start, n).lastIndexOf(chosen);
      if (at >= 0) {
        const value = values[start + at];
        const width = (Math.abs(value) / scale) * 50;
        rows.push(make("tr", {}, make("td", { class: "code" }, reading.glyphs.slice(start, n).join("")),
          make("td", {}, make("div", { style: { width: "90px", position: "relative", height: "12px", background: "var(--line)" } },
            make("div", { style: { position: "absolute", height: "12px", background: "var(--mark)", width: width + "%", left: (value < 0 ? 50 - width : 50) + "%" } }))),
          make("td", { class: "number" }, signed(value, 2))));
      }
      start = n + 1;
    }
    place.replaceChildren(table(["", "", ""], rows));
  }
  show();
  return make("div", {}, make("label", {}, "at the last", box), place);
}
