// One unit held at a value, and what that does to what the network expects.

import { make, percent, QUANTITIES, select, signed, symbolName, table, unitTitle } from "./dom.js";
import { excerpt, possible, unitOf } from "./reading.js";
import { textView } from "./text.js";

const AT_ONCE = 3000; // characters of a text that is read again whenever what is held changes

export async function whatIfView(app, reading, panel) {
  const { layer, unit } = app.state;
  const values = await unitOf(reading, layer, unit);
  const mean = values.hidden.reduce((sum, value) => sum + value, 0) / reading.size;
  const memory = values.cell || values.hidden;
  const reach = memory.reduce((most, value) => Math.max(most, Math.abs(value)), 0.1);
  const ways = [
    ["zero", "silent: hidden state 0"],
    ["mean", `at its mean: hidden state ${mean.toFixed(3)}`],
    ["hidden", "hidden state at a value of yours"],
    ...(values.cell ? [["cell", "cell state at a value of yours"]] : []),
  ];
  let way = "zero";
  const value = make("input", { type: "number", step: "0.1", value: "1", id: "held-value", disabled: true });
  const suggested = () => (way === "cell" ? reach.toFixed(2) : "1");
  const dial = make("input", { type: "range", id: "dial", min: -1, max: 1, step: 0.01, value: 0, disabled: true, "aria-label": "the value it is held at" });
  const atOnce = () => {
    if (app.source.live && reading.total <= AT_ONCE) hold();
  };
  const choice = select("Held", ways, way, (chosen) => {
    way = chosen;
    dial.disabled = value.disabled = way === "zero" || way === "mean";
    value.value = way === "mean" ? mean.toFixed(3) : way === "zero" ? "0" : suggested();
    const most = way === "cell" ? 2 * reach : 1;
    Object.assign(dial, { min: -most, max: most, step: most / 100, value: value.value });
    atOnce();
  });
  value.value = "0";
  dial.oninput = () => (value.value = Number(dial.value).toFixed(2));
  dial.onchange = atOnce;
  value.onchange = () => {
    dial.value = value.value;
    atOnce();
  };
  const button = make("button", { id: "hold", onclick: hold, disabled: !app.source.live }, "Read with it held");
  const result = make("div", { id: "held" });
  if (!app.source.live) result.append(make("p", { class: "faint" }, "An exported file cannot compute; `lstm-lsp explore` does."));

  let asked = 0;
  async function hold() {
    const mine = ++asked;
    app.say("");
    const number = { zero: 0, mean }[way] ?? Number(value.value);
    const one = { layer, unit, quantity: way === "cell" ? "cell" : "hidden", value: number };
    try {
      const other = await app.readingOf(reading.subject, { text: reading.given, language: reading.language }, [one]);
      if (mine === asked && result.isConnected) show(other, one);
    } catch (error) {
      if (mine === asked && result.isConnected) app.say(error.message);
    }
  }

  function show(other, one) {
    const lost = Float32Array.from(reading.predictions.bits, (bits, at) => other.predictions.bits[at] - bits);
    const view = textView(reading, {
      label: "The text by bits lost",
      value: (at) => Math.max(-1, Math.min(1, -lost[at] / 4)),
      hover: (at) => {
        panel.show(at);
        compare(at);
      },
      height: 280,
    });
    const next = make("div", { id: "next" });
    function compare(at) {
      const column = (from) => possible(from, at).map((n) =>
        `${symbolName(from.predictions.symbols[n])} ${percent(from.predictions.probabilities[n])}`);
      const [free, held] = [column(reading), column(other)];
      next.replaceChildren(table(["expected next: free", "held"], free.map((text, n) =>
        make("tr", {}, make("td", { class: "code" }, text), make("td", { class: "code" }, held[n] ?? "")))));
    }
    const order = Array.from(lost.keys()).sort((a, b) => Math.abs(lost[b]) - Math.abs(lost[a])).slice(0, 10);
    const rows = order.map((at) => {
      const [before, here, after] = excerpt(reading, at, 16, 8);
      return make("tr", { class: "pick", onclick: () => view.reveal(at) },
        make("td", { class: "number" }, signed(lost[at], 2)),
        make("td", { class: "code" }, before, make("mark", {}, here), after));
    });
    const written = make("div", { class: "row", style: { alignItems: "flex-start" } });
    const from = make("button", { id: "write", onclick: write }, "Write on from the last character pointed at, both ways");
    async function write() {
      from.disabled = true;
      const at = Math.min(app.at ?? Math.floor(reading.size / 2), reading.size - 1);
      const asked = { at, count: 160, temperature: 0, seed: 0 };
      try {
        const texts = [];
        for (const reader of [reading, other]) texts.push((await app.source.post("write", { id: reader.id, ...asked })).text);
        const prompt = excerpt(reading, at, 30, 1).join("");
        written.replaceChildren(...texts.map((text, n) =>
          make("div", { style: { flex: "1", minWidth: "260px" } }, make("h3", {}, n ? "held" : "free"),
            make("pre", { class: n ? "written-held" : "written-free" }, prompt.replaceAll("⏎", "\n"), make("mark", {}, decoded(text))))));
      } catch (error) {
        app.say(error.message);
      }
      from.disabled = false;
    }
    result.replaceChildren(
      make("p", { id: "held-bits" }, `${QUANTITIES[one.quantity].title} of ${unitTitle(layer, unit)} held at ${one.value.toFixed(3)}: `,
        make("b", {}, `${other.mean.toFixed(4)} bits a character`), ` instead of ${reading.mean.toFixed(4)} (${signed(other.mean - reading.mean, 4)})`),
      view.element,
      make("div", { class: "row", style: { alignItems: "flex-start", gap: "32px" } },
        make("div", {}, make("h3", {}, "Where it matters most: bits lost"), table(["", ""], rows)), next),
      from, written);
    app.legend("4 bits lost", "4 won");
    compare(order[0] ?? 0);
  }

  atOnce();
  return [
    make("h2", {}, `What if ${unitTitle(layer, unit)} were held?`),
    make("p", { class: "faint prose" }, `Free, its hidden state goes from ${least(values.hidden)} to ${most(values.hidden)}` +
      (values.cell ? ` and its cell state from ${least(values.cell)} to ${most(values.cell)}` : "") +
      `. A unit that says much about the text may still not be used: holding it tells.`),
    make("div", { class: "row" }, choice, make("label", {}, "at", value), dial, button),
    result,
  ];
}

const least = (values) => values.reduce((a, b) => Math.min(a, b)).toFixed(2);
const most = (values) => values.reduce((a, b) => Math.max(a, b)).toFixed(2);
const decoded = (text) => new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0)));
