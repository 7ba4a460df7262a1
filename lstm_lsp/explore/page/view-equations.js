// The article's equations and names beside the usual ones.

import { make, table, unitTitle } from "./dom.js";

const NAMES = [
  ["c", "cell state", "long-term memory, ltm", "what is kept from step to step"],
  ["h", "hidden state", "working memory, wm", "what is shown to the next step, the next layer and the output"],
  ["f", "forget gate", "remember", "0 to 1: how much of the cell is kept"],
  ["i", "input gate", "save", "0 to 1: how much of the candidate is written"],
  ["o", "output gate", "focus", "0 to 1: how much of the cell is shown"],
  ["g", "candidate (also j)", "candidate memory, ltm′", "−1 to 1: what could be written"],
  ["x", "input", "x", "the character read, or the layer below's hidden state"],
];

const LSTM = [
  ["remember_t = σ(W_r x_t + U_r wm_{t−1})", "f_t = σ(W_f x_t + U_f h_{t−1} + b_f)", "which long-term memories to keep"],
  ["ltm′_t = φ(W_l x_t + U_l wm_{t−1})", "g_t = tanh(W_g x_t + U_g h_{t−1} + b_g)", "what there is to learn from the input"],
  ["save_t = σ(W_s x_t + U_s wm_{t−1})", "i_t = σ(W_i x_t + U_i h_{t−1} + b_i)", "which of it is worth saving"],
  ["ltm_t = remember_t ∘ ltm_{t−1} + save_t ∘ ltm′_t", "c_t = f_t ∘ c_{t−1} + i_t ∘ g_t", "the memory after the step"],
  ["focus_t = σ(W_f x_t + U_f wm_{t−1})", "o_t = σ(W_o x_t + U_o h_{t−1} + b_o)", "what of it matters right now"],
  ["wm_t = focus_t ∘ φ(ltm_t)", "h_t = o_t ∘ tanh(c_t)", "what is worked with"],
];

const OTHERS = [
  ["Peephole LSTM (Gers 2002)", ["f and i also see p ∘ c_{t−1}", "o also sees p ∘ c_t"]],
  ["GRU (Cho 2014, as torch has it)", ["z_t = σ(W_z x_t + U_z h_{t−1} + b_z), shown as forget; 1 − z as input",
    "r_t = σ(W_r x_t + U_r h_{t−1} + b_r), shown as reset",
    "n_t = tanh(W_n x_t + b_n + r_t ∘ (U_n h_{t−1} + b′_n)), shown as candidate", "h_t = z_t ∘ h_{t−1} + (1 − z_t) ∘ n_t"]],
  ["Plain RNN", ["h_t = tanh(W x_t + U h_{t−1} + b)"]],
];

// What the article shows, and where it is shown here: a subject, the number of its highlight, a quantity.
const FIGURES = [
  ["A neuron that counts a's, then b's: its cell", "counter-lstm", 0, "cell"],
  ["... its hidden state, sharpened by the output gate", "counter-lstm", 0, "hidden"],
  ["The counter that leaves X's out: its cell", "selective-counter-lstm", 0, "cell"],
  ["... its input gate, shut for X", "selective-counter-lstm", 0, "input"],
  ["... its candidate, on at X all the same", "selective-counter-lstm", 0, "candidate"],
  ["A neuron that remembers A or B", "state-lstm", 0, "hidden"],
  ["... its forget gate, open while x's go by", "state-lstm", 0, "forget"],
  ["The copy machine: a neuron that says that c is next", "copy-lstm", 0, "hidden"],
  ["... and one that says that b is", "copy-lstm", 1, "hidden"],
];

function figures(app) {
  const rows = FIGURES.flatMap(([says, id, n, quantity]) => {
    const subject = app.subjects.find((one) => one.id === id);
    if (!subject?.highlights[n]) return [];
    const [layer, unit] = subject.highlights[n];
    return [[says, `#/neuron?${new URLSearchParams({ subject: id, layer, unit, quantity })}`, `${subject.title}, ${unitTitle(layer, unit)}`]];
  });
  for (const model of app.subjects.filter((one) => !one.experiment)) {
    rows.push(["A neuron that knows the level of indentation", `#/find?${new URLSearchParams({ subject: model.id, attribute: "indentation" })}`, `${model.title}, best units first`]);
  }
  return table(["in the article", "here"], rows.map(([says, href, where]) =>
    make("tr", {}, make("td", {}, says), make("td", {}, make("a", { href }, where)))));
}

export function equationsView(app) {
  return make("div", { class: "prose wide" },
    make("h2", {}, "The equations, and the article's names for them"),
    table(["here", "name", "in the article", ""], NAMES.map(([letter, name, article, means]) =>
      make("tr", {}, make("td", { class: "equation" }, letter), make("td", {}, name), make("td", {}, make("i", {}, article)), make("td", { class: "faint" }, means)))),
    make("h3", {}, "The article's figures"),
    figures(app),
    make("h3", {}, "LSTM"),
    table(["as the article writes it", "as it is written here", ""], LSTM.map(([article, here, means]) =>
      make("tr", {}, make("td", {}, formula(article)), make("td", {}, formula(here)), make("td", { class: "faint" }, means)))),
    make("p", {}, "σ is the logistic function (0 to 1), φ and tanh squash to −1 to 1, ∘ multiplies unit by unit. The article folds biases into the weights."),
    make("h3", {}, "What stands at a character"),
    make("p", {}, subscripts("At every character of these pages the gates were computed from that character and the state before it, h_{t−1} and c_{t−1}; " +
      "c and h are what they led to, the state that predicts the next character. So c_t = f_t ∘ c_{t−1} + i_t ∘ g_t and h_t = o_t ∘ tanh(c_t) can be checked with the numbers at the side. " +
      "The explorer published with the article computed its gates a second time from the state already updated: they stand one step late, and its traces miss these equations by 0.2 to 0.7 in the cell. Its cell and hidden states are right.")),
    OTHERS.flatMap(([title, lines]) => [make("h3", {}, title), ...lines.map((line) => make("p", { class: "equation" }, formula(line)))]),
    make("h3", {}, "Colours"),
    make("p", {}, "One colour below zero, one above, and the page's own colour at zero alone. Gates are never negative. A cell state has no bound: each unit is drawn by the largest value it had in the text, unless one scale for all is chosen."));
}

const formula = (text) => make("span", { class: "equation", style: { margin: 0 } }, subscripts(text));

/** Text with _{…} and _x as subscripts. */
function subscripts(text) {
  const parts = text.split(/_(\{[^}]*\}|[a-z])/);
  return parts.map((part, n) => (n % 2 ? make("sub", {}, part.replace(/[{}]/g, "")) : part));
}
