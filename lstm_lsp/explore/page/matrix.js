// Rows of values under one text: units of a layer, or the quantities of a unit. Only what is
// visible is drawn, on one canvas, and only that is asked for.

import { fill, ink, lineInk, markInk, paper, plainInk, prepared } from "./colour.js";
import { make } from "./dom.js";

const ROW = 20;
const FONT = "12px ui-monospace, 'DejaVu Sans Mono', Consolas, monospace";

/**
 * `rows`: [{label, note}], `value(row, at)` from -1 to 1, NaN while unknown. `need(rows, columns)` is
 * told which half-open ranges are in sight. `hover(at, row)`, `pick(row, at)`. `scroll(from, to,
 * middle)` tells which symbols are in sight, and where each one's middle is. Returns {element, draw, reveal, setRows}.
 */
export function matrix(reading, options) {
  const { value, need, hover, pick, scroll, label = "Values" } = options;
  let rows = options.rows;
  let cell = options.cell || 13;
  const names = options.names || 150;
  const most = options.height || 460;
  const canvas = make("canvas");
  const space = make("div", { class: "space" });
  const element = make("div", { class: "scroller matrix", tabIndex: 0 }, space, canvas);
  element.setAttribute("role", "application");
  element.setAttribute("aria-label", `${label}: arrow keys move, Enter opens a row`);
  let at = -1;
  let chosen = 0;
  let asked = false;

  /** As high as the rows and, where there is one, the scroll bar below them. */
  function fit() {
    const bar = Math.max(0, element.offsetHeight - element.clientHeight - 2);
    const height = Math.min(most, (rows.length + 1) * ROW + 2 + bar) + "px";
    if (element.style.height !== height) element.style.height = height;
  }

  function size() {
    fit();
    space.style.width = names + reading.size * cell + "px";
    space.style.height = (rows.length + 1) * ROW + "px";
  }

  function inSight() {
    const left = element.scrollLeft;
    const from = Math.max(0, Math.floor(left / cell));
    const to = Math.min(reading.size, Math.ceil((left + element.clientWidth - names) / cell));
    const first = Math.max(0, Math.floor(element.scrollTop / ROW));
    const last = Math.min(rows.length, Math.ceil((element.scrollTop + element.clientHeight - ROW) / ROW));
    return { from, to: Math.max(from, to), first, last };
  }

  function paint() {
    asked = false;
    if (!element.isConnected) return;
    fit();
    const { from, to, first, last } = inSight();
    need?.([first, last], [from, to]);
    const wide = element.clientWidth;
    const [, context] = prepared(canvas, wide, element.clientHeight);
    context.fillStyle = paper();
    context.fillRect(0, 0, wide, element.clientHeight);
    context.font = FONT;
    context.textBaseline = "middle";
    const x = (column) => names + column * cell - element.scrollLeft;
    scroll?.(from, to, (column) => x(column) + cell / 2);
    const y = (row) => ROW + row * ROW - element.scrollTop;
    for (let row = first; row < last; row++) {
      for (let column = from; column < to; column++) {
        const known = value(row, column);
        const colour = fill(known);
        if (!colour) continue;
        context.fillStyle = colour;
        context.fillRect(x(column), y(row), cell + 0.5, ROW - 1);
        if (cell >= 8 && reading.glyphs[column] !== " ") {
          context.fillStyle = ink(known);
          context.fillText(reading.glyphs[column], x(column) + 2, y(row) + ROW / 2);
        }
      }
    }
    context.fillStyle = paper();
    context.fillRect(0, 0, wide, ROW);
    context.fillStyle = plainInk();
    if (cell >= 8) {
      for (let column = from; column < to; column++) {
        context.fillText(reading.glyphs[column], x(column) + 2, ROW / 2);
      }
    }
    context.strokeStyle = lineInk();
    context.strokeRect(-1, ROW - 0.5, wide + 2, 0);
    if (at >= 0) {
      context.strokeStyle = markInk();
      context.strokeRect(x(at) + 0.5, 0.5, cell, element.clientHeight);
    }
    context.fillStyle = paper();
    context.fillRect(0, 0, names - 2, element.clientHeight);
    for (let row = first; row < last; row++) {
      if (y(row) < ROW - 4) continue;
      context.fillStyle = row === chosen && document.activeElement === element ? markInk() : plainInk();
      context.textAlign = "left";
      context.fillText(rows[row].label, 6, y(row) + ROW / 2);
      context.textAlign = "right";
      context.fillText(rows[row].note || "", names - 8, y(row) + ROW / 2);
    }
    context.textAlign = "left";
  }

  function draw() {
    if (!asked) {
      asked = true;
      requestAnimationFrame(paint);
    }
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - names + element.scrollLeft) / cell);
    const row = Math.floor((event.clientY - box.top - ROW + element.scrollTop) / ROW);
    return [event.clientX - box.left < names ? -1 : column, row];
  }

  function reveal(column) {
    at = column;
    const left = column * cell;
    const sight = element.clientWidth - names;
    if (left < element.scrollLeft || left + cell > element.scrollLeft + sight) {
      element.scrollLeft = Math.max(0, left - sight / 3);
    }
    draw();
  }

  element.addEventListener("scroll", draw);
  canvas.addEventListener("pointermove", (event) => {
    const [column, row] = under(event);
    canvas.style.cursor = row >= 0 && row < rows.length && pick ? "pointer" : "default";
    if (column >= 0 && column < reading.size) {
      at = column;
      hover?.(column, row);
      draw();
    }
  });
  canvas.addEventListener("click", (event) => {
    const [column, row] = under(event);
    if (row >= 0 && row < rows.length) pick?.(row, column);
  });
  element.addEventListener("keydown", (event) => {
    const sideways = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const down = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    if (sideways) {
      reveal(Math.max(0, Math.min(reading.size - 1, at + sideways)));
      hover?.(at, chosen);
    } else if (down) {
      chosen = Math.max(0, Math.min(rows.length - 1, chosen + down));
      element.scrollTop = Math.max(0, Math.min(element.scrollTop, chosen * ROW), (chosen + 2) * ROW - element.clientHeight);
    } else if (event.key === "Enter") pick?.(chosen, at);
    else return;
    event.preventDefault();
    draw();
  });
  element.addEventListener("focus", draw);
  element.addEventListener("blur", draw);
  new ResizeObserver(draw).observe(element);
  // For whoever puts a view of a longer reading in the place of this one.
  element.kept = () => ({ at, chosen });
  element.putBack = (kept) => {
    ({ at, chosen } = kept);
    draw();
  };
  size();
  draw();
  return {
    element,
    draw,
    reveal,
    zoom(width) {
      const middle = element.scrollLeft / cell;
      cell = width;
      size();
      element.scrollLeft = middle * cell;
      draw();
    },
    setRows(changed) {
      rows = changed;
      chosen = 0;
      element.scrollTop = 0;
      size();
      draw();
    },
  };
}
