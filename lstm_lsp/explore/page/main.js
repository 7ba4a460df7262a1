// The page: its state stands in the address after #, every view is a function of it.

import { choose, legend } from "./colour.js";
import { make, quantityTitle, select } from "./dom.js";
import { positionPanel } from "./position.js";
import { read, whole } from "./reading.js";
import { openSource } from "./source.js";
import { compareView } from "./view-compare.js";
import { equationsView } from "./view-equations.js";
import { findView } from "./view-find.js";
import { galleryView } from "./view-gallery.js";
import { networkView } from "./view-network.js";
import { neuronView } from "./view-neuron.js";
import { rangeView } from "./view-range.js";
import { textsView } from "./view-text.js";
import { whatIfView } from "./view-what-if.js";

// Each view: its name, what draws it, and which choices stand above it.
const VIEWS = {
  gallery: ["Gallery", galleryView, []],
  network: ["Network", networkView, ["subject", "text", "layer", "quantity"]],
  neuron: ["Neuron", neuronView, ["subject", "text", "layer", "unit", "quantity"]],
  text: ["Text", textsView, ["subject", "text", "layer", "unit"]],
  find: ["Find", findView, ["subject", "text"]],
  range: ["Range match", rangeView, ["subject", "text"]],
  "what-if": ["What if", whatIfView, ["subject", "text", "layer", "unit"]],
  compare: ["Compare cells", compareView, []],
  equations: ["Equations", equationsView, []],
};

const byId = (id) => document.getElementById(id);
const main = byId("main");
const dark = matchMedia("(prefers-color-scheme: dark)");

const app = {
  source: null,
  subjects: [],
  own: [], // texts typed here: {name, language, text}
  state: {},
  readings: new Map(),
  go,
  say,
  readingOf,
  shown: null, // the reading in sight
  legend: (low, high) => legend(byId("legend"), low, high),
};

function go(changes, { replace = false } = {}) {
  const state = { ...app.state, ...changes };
  if ("subject" in changes && changes.subject !== app.state.subject) {
    for (const name of ["text", "layer", "unit", "quantity", "at", "attribute", "sort"]) {
      if (!(name in changes)) delete state[name];
    }
  }
  const { view, ...rest } = state;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined && value !== "");
  const address = `#/${view}?${new URLSearchParams(given)}`;
  if (replace) {
    history.replaceState(null, "", address);
    app.state = parse();
  } else if (address !== location.hash) location.hash = address;
}

function parse() {
  const [, view, query] = location.hash.match(/^#\/([a-z-]+)(?:\?(.*))?$/) || [null, "gallery", ""];
  const state = Object.fromEntries(new URLSearchParams(query || ""));
  state.view = VIEWS[view] ? view : "gallery";
  const subject = app.subjects.find((one) => one.id === state.subject) || app.subjects[0];
  const whole = (text, most) => Math.max(0, Math.min(most, Number.parseInt(text, 10) || 0));
  state.subject = subject.id;
  state.layer = whole(state.layer ?? subject.layers - 1, subject.layers - 1);
  state.unit = whole(state.unit, subject.units - 1);
  if (!subject.quantities.includes(state.quantity)) state.quantity = subject.quantities[0];
  if (state.at !== undefined) state.at = whole(state.at, 1e9);
  return state;
}

function say(message) {
  byId("message").textContent = message || "";
}

function notice(reading) {
  const number = (count) => count.toLocaleString("en");
  byId("notice").textContent = reading?.more
    ? `The first ${number(reading.size)} of ${number(reading.total)} characters are read; the rest follows.`
    : "";
}

const subjectOf = (id) => app.subjects.find((one) => one.id === id);

function textOf(subject, name) {
  const own = app.own[Number(String(name).replace("own-", ""))];
  if (String(name).startsWith("own-") && own) return own;
  return subject.samples[Number(name) || 0] || subject.samples[0];
}

/**
 * The reading of a text by a subject; read once, again if the server has let go of it. Of a long
 * text it may be the beginning, but not with units held.
 */
async function readingOf(subject, { text, language }, held) {
  const key = JSON.stringify([subject.id, language, text, held]);
  const known = app.readings.get(key);
  if (known) {
    try {
      const reading = await known;
      await app.source.json("progress", { id: reading.id });
      return reading;
    } catch {
      app.readings.delete(key);
    }
  }
  const bar = byId("progress");
  const progress = (share) => {
    bar.hidden = share >= 1;
    bar.value = share;
  };
  const begun = read(app.source, subject, text, language, { held, progress });
  const made = held ? begun.then(whole) : begun;
  app.readings.set(key, made);
  begun.then((reading) => follow(key, reading)).catch(() => {});
  if (app.readings.size > 40) app.readings.delete(app.readings.keys().next().value);
  try {
    return await made;
  } catch (error) {
    app.readings.delete(key);
    bar.hidden = true;
    throw error;
  }
}

/** Puts a longer reading in the place of `reading` when there is one, in sight too. */
async function follow(key, reading) {
  if (!reading.more) return;
  let longer;
  try {
    longer = await reading.more;
  } catch (error) {
    if (app.shown === reading) say(error.message);
    return;
  }
  if (app.readings.has(key)) app.readings.set(key, Promise.resolve(longer));
  if (app.shown === reading) await render({ again: true });
  await follow(key, longer);
}

/** Where the view is scrolled to, has its caret and the focus, and what puts that back when it is drawn again. */
function scrolled() {
  const before = [...main.querySelectorAll(".scroller")];
  const kept = before.map((one) => [one.scrollTop, one.scrollLeft, one.kept?.()]);
  const focused = before.indexOf(document.activeElement);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  return async () => {
    await frame();
    await frame(); // a view knows its height once it has been painted
    main.querySelectorAll(".scroller").forEach((one, n) => {
      if (kept[n]) [one.scrollTop, one.scrollLeft] = kept[n];
      if (kept[n]?.[2]) one.putBack?.(kept[n][2]);
      if (n === focused) one.focus({ preventScroll: true });
    });
  };
}

function contextBar(wanted) {
  const place = byId("context");
  const { state } = app;
  const subject = subjectOf(state.subject);
  const parts = {
    subject: () =>
      select("Network", app.subjects.map((one) => [one.id, one.title]), state.subject, (id) => go({ subject: id })),
    text: () => {
      const texts = subject.samples.map((one, n) => [n, one.name]);
      const box = select("Text", [...texts, ...app.own.map((one, n) => [`own-${n}`, one.name])], state.text ?? 0, (text) =>
        go({ text, at: undefined }),
      );
      const type = make("button", { onclick: ownText, disabled: !app.source.live }, "Your text…");
      if (!app.source.live) type.title = "`lstm-lsp explore` reads texts of your own";
      return [box, type];
    },
    layer: () =>
      select("Layer", Array.from({ length: subject.layers }, (_, n) => [n, n + 1]), state.layer, (layer) => go({ layer })),
    unit: () => {
      const box = make("input", { type: "number", min: 1, max: subject.units, value: state.unit + 1, id: "unit" });
      box.onchange = () => go({ unit: Number(box.value) - 1 });
      return make("label", {}, "Unit", box, `of ${subject.units}`);
    },
    quantity: () =>
      select("Shown", subject.quantities.map((name) => [name, quantityTitle(name)]), state.quantity, (quantity) => go({ quantity })),
  };
  place.replaceChildren(...wanted.flatMap((name) => parts[name]()));
  place.hidden = !wanted.length;
}

function ownText() {
  const { state } = app;
  const current = textOf(subjectOf(state.subject), state.text);
  const area = make("textarea", { value: "", spellcheck: false, id: "own-text" });
  area.setAttribute("aria-label", "The text");
  const languages = [["java", "Java"], ["python", "Python"], ["text", "text"]];
  let language = current.language;
  const choice = select("as", languages, language, (value) => (language = value));
  const file = make("input", { type: "file" });
  file.onchange = async () => {
    area.value = await file.files[0].text();
    const ending = file.files[0].name.split(".").pop();
    language = { java: "java", py: "python", pyi: "python" }[ending] || "text";
    choice.querySelector("select").value = language;
  };
  const dialog = make("dialog", {}, make("h2", {}, "A text of your own"),
    make("p", { class: "faint" }, "It is read on this machine. The experiments' networks read each line from nothing."),
    area,
    make("div", { class: "row" }, choice, file,
      make("button", { onclick: done, id: "read-own" }, "Read it"),
      make("button", { onclick: () => dialog.close() }, "Cancel")));
  function done() {
    if (!area.value) return;
    app.own.push({ name: `your text ${app.own.length + 1}`, language, text: area.value });
    dialog.close();
    go({ text: `own-${app.own.length - 1}`, at: undefined });
  }
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
  area.focus();
}

let drawing = 0;

async function render({ again = false } = {}) {
  const mine = ++drawing;
  const back = again ? scrolled() : null;
  app.state = parse();
  const [title, view, wanted] = VIEWS[app.state.view];
  document.title = `${title} – lstm-lsp explore`;
  for (const link of byId("views").children) {
    if (link.dataset.view === app.state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!again) contextBar(wanted);
  say("");
  notice(null);
  app.legend("−1", "+1");
  main.setAttribute("aria-busy", "true");
  try {
    const subject = subjectOf(app.state.subject);
    let reading = null;
    if (wanted.includes("text")) {
      reading = await readingOf(subject, textOf(subject, app.state.text));
      if (mine !== drawing) return;
    }
    const panel = positionPanel(app, reading);
    const content = await view(app, reading, panel);
    if (mine !== drawing) return;
    app.shown = reading;
    main.replaceChildren(...[content].flat());
    await back?.();
    byId("position").replaceChildren(...(reading ? [panel.element] : []));
    notice(reading);
    const at = again ? app.at : app.state.at;
    if (reading && at !== undefined) panel.show(Math.min(at, reading.size - 1));
  } catch (error) {
    if (mine !== drawing) return;
    say(error.message);
    main.replaceChildren();
  }
  main.removeAttribute("aria-busy");
  main.dataset.view = app.state.view;
}

function remember(name, value) {
  try {
    localStorage.setItem(`lstm-lsp-${name}`, value);
  } catch {
    // a page from a file may have no storage
  }
}

function remembered(name, otherwise) {
  try {
    return localStorage.getItem(`lstm-lsp-${name}`) || otherwise;
  } catch {
    return otherwise;
  }
}

function appearance() {
  const theme = byId("theme").value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  choose(byId("palette").value, theme === "auto" ? (dark.matches ? "dark" : "light") : theme);
}

async function start() {
  for (const name of ["palette", "theme"]) {
    const box = byId(name);
    box.value = remembered(name, box.value);
    if (!box.value) box.selectedIndex = 0;
    box.onchange = () => {
      remember(name, box.value);
      appearance();
      render();
    };
  }
  dark.addEventListener("change", () => {
    appearance();
    render();
  });
  appearance();
  for (const [name, [title]] of Object.entries(VIEWS)) {
    const link = make("a", { href: `#/${name}`, "data-view": name }, title);
    link.onclick = (event) => {
      event.preventDefault();
      go({ view: name });
    };
    byId("views").append(link);
  }
  try {
    app.source = await openSource();
    app.subjects = (await app.source.json("meta")).subjects;
  } catch (error) {
    say(error.message);
    return;
  }
  window.addEventListener("hashchange", () => render());
  await render();
}

start();
