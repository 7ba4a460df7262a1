// Lines over the text and a histogram, on canvases.

import { faintInk, fill, lineInk, markInk, plainInk, prepared, series } from "./colour.js";
import { make } from "./dom.js";

const FONT = "11px system-ui, sans-serif";

/**
 * Lines of `values` ({name: Float32Array}), each divided by its scale, between two positions;
 * `middle(at)` is where each stands, right of `left`. `hover(at)` is told where the pointer is.
 * Returns {element, draw}.
 */
export function lineChart(names, scales, { left, hover, height = 140 }) {
  const canvas = make("canvas", { class: "chart" });
  const element = make("div", {}, canvas);
  let last = null;
  function paint() {
    if (!last || !element.isConnected) return;
    const { values, from, to, at, middle } = last;
    const wide = Math.max(60, element.clientWidth);
    const [, context] = prepared(canvas, wide, height);
    const shown = names.filter((name) => values[name]);
    const low = shown.some((name) => values[name].subarray(from, to).some((value) => value < 0)) ? -1 : 0;
    const high = 1;
    const bottom = height - 6;
    const x = (n) => middle(n) + 1; // the strips have a border
    const y = (v) => 6 + ((high - v) / (high - low)) * (bottom - 6);
    context.font = FONT;
    context.strokeStyle = lineInk();
    context.fillStyle = faintInk();
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of new Set([low, 0, high])) {
      context.beginPath();
      context.moveTo(left, y(tick));
      context.lineTo(wide, y(tick));
      context.stroke();
      context.fillText(tick, left - 4, y(tick));
    }
    context.save();
    context.beginPath();
    context.rect(left, 0, wide - left, height);
    context.clip();
    names.forEach((name, n) => {
      if (!values[name]) return;
      context.strokeStyle = series(n);
      context.lineWidth = n < 2 ? 2 : 1.2;
      context.beginPath();
      for (let k = from; k < to; k++) context.lineTo(x(k), y(values[name][k] / scales[name]));
      context.stroke();
    });
    context.lineWidth = 1;
    if (at >= from && at < to) {
      context.strokeStyle = markInk();
      context.beginPath();
      context.moveTo(x(at), 0);
      context.lineTo(x(at), bottom);
      context.stroke();
    }
    context.restore();
  }
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const { from, to, middle } = last;
    const at = Math.round((event.offsetX - 1 - middle(0)) / (middle(1) - middle(0)));
    if (event.offsetX >= left && at >= from && at < to) hover?.(at);
  });
  new ResizeObserver(paint).observe(element);
  return {
    element,
    draw(values, from, to, at, middle) {
      last = { values, from, to, at, middle };
      paint();
    },
  };
}

/** How often each size of value occurs. */
export function histogram(values, bins = 41, height = 110) {
  const canvas = make("canvas", { class: "chart" });
  const element = make("div", {}, canvas);
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const span = high - low || 1;
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value - low) / span) * bins))]++;
  const most = Math.max(...counts);
  const reach = Math.max(Math.abs(low), Math.abs(high), 1e-9);
  function paint() {
    if (!element.isConnected) return;
    const wide = Math.max(60, element.clientWidth);
    const [, context] = prepared(canvas, wide, height);
    counts.forEach((count, n) => {
      const tall = (count / most) * (height - 18);
      const middle = low + ((n + 0.5) / bins) * span;
      context.fillStyle = fill(middle / reach);
      context.strokeStyle = faintInk();
      context.fillRect((n / bins) * wide, height - 16 - tall, wide / bins - 1, tall);
      context.strokeRect((n / bins) * wide + 0.5, height - 16 - tall + 0.5, wide / bins - 2, Math.max(0, tall - 1));
    });
    context.fillStyle = plainInk();
    context.font = FONT;
    context.textBaseline = "bottom";
    context.textAlign = "left";
    context.fillText(low.toFixed(2), 0, height);
    context.textAlign = "right";
    context.fillText(high.toFixed(2), wide, height);
  }
  new ResizeObserver(paint).observe(element);
  return { element };
}
