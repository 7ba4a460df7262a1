// Diverging colours: one end below zero, the page's own colour at zero and only there, the other above.

const ENDS = {
  "red-blue": { light: [[178, 24, 43], [33, 102, 172]], dark: [[240, 72, 72], [66, 146, 245]] },
  "orange-purple": { light: [[179, 88, 6], [84, 39, 136]], dark: [[246, 150, 40], [165, 120, 245]] },
};
const NEUTRAL = { light: [255, 255, 255], dark: [22, 24, 28] };
const INK = { light: "#1b1f26", dark: "#e4e7ec" };
const SERIES = {
  light: ["#0b5cad", "#b3261e", "#2e7d32", "#b26a00", "#6a3fb5", "#00838f"],
  dark: ["#6cb2ff", "#ff8a80", "#7bd88f", "#ffc261", "#c3a5ff", "#5fd8e5"],
};

let fills = [];
let inks = [];
let shade = "light";

/** Chooses palette and theme ("light" or "dark") for everything drawn from now on. */
export function choose(palette, theme) {
  shade = theme;
  const [low, high] = (ENDS[palette] || ENDS["red-blue"])[theme];
  fills = [];
  inks = [];
  for (let n = -127; n <= 127; n++) {
    const end = n < 0 ? low : high;
    const share = Math.pow(Math.abs(n) / 127, 0.8);
    const rgb = NEUTRAL[theme].map((zero, k) => Math.round(zero + (end[k] - zero) * share));
    const light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    fills.push(`rgb(${rgb.join(" ")})`);
    inks.push(light > 140 ? "#14171c" : "#f2f4f7");
  }
}

const index = (value) => Math.max(-127, Math.min(127, Math.round(value * 127))) + 127;

/** The colour of a value from -1 to 1; NaN is not known yet. */
export const fill = (value) => (Number.isNaN(value) ? null : fills[index(value)]);
/** The colour text has on `fill(value)`. */
export const ink = (value) => (Number.isNaN(value) ? INK[shade] : inks[index(value)]);
export const plainInk = () => INK[shade];
export const faintInk = () => (shade === "light" ? "#8a93a3" : "#79839a");
export const lineInk = () => (shade === "light" ? "#d5d9e0" : "#383d47");
export const paper = () => `rgb(${NEUTRAL[shade].join(" ")})`;
export const series = (n) => SERIES[shade][n % 6];
export const markInk = () => (shade === "light" ? "#0b5cad" : "#7ab8ff");

/** Draws the legend: the ends are what the view says they are, "" where nothing lies beyond zero. */
export function legend(place, low, high) {
  const [canvas, context] = prepared(place.querySelector("canvas") || place.appendChild(document.createElement("canvas")), 130, 26);
  const from = low ? -1 : 0;
  const to = high ? 1 : 0;
  for (let x = 0; x < 130; x++) {
    context.fillStyle = fill(from + ((to - from) * x) / 129);
    context.fillRect(x, 0, 1, 12);
  }
  context.fillStyle = plainInk();
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  const middle = low && high ? ["0", 65, "center"] : ["", 65, "center"];
  for (const [text, x, align] of [[low || "0", 0, "left"], middle, [high || "0", 130, "right"]]) {
    context.textAlign = align;
    context.fillText(text, x, 26);
  }
  place.setAttribute("aria-label", `colours from ${low || 0} over 0 to ${high || 0}`);
  return canvas;
}

/** Sizes a canvas in CSS pixels, sharp on any screen; returns it and its context. */
export function prepared(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [canvas, context];
}
