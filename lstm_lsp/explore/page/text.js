// The text, coloured by a value for each symbol. Drawn on one canvas of the visible size: no
// element a character, so a long file scrolls like a short one.

import { fill, ink, markInk, paper, faintInk, prepared } from "./colour.js";
import { make } from "./dom.js";

const ROW = 20;
const FONT = "13px ui-monospace, 'DejaVu Sans Mono', Consolas, monospace";

/**
 * A view of `reading`: `value(at)` from -1 to 1, NaN for no colour. `hover(at)` and `pick(at)` tell
 * where the pointer is and was pressed, `mark(start, end)` a range drawn with the pointer or
 * with Shift and the arrow keys. Returns {element, draw, reveal, selection}.
 */
export function textView(reading, { value, hover, pick, mark, height = 420, label = "The text" }) {
  const canvas = make("canvas");
  const space = make("div", { class: "space" });
  const element = make("div", { class: "scroller text", tabIndex: 0, style: { height: height + "px" } }, space, canvas);
  element.setAttribute("role", "application");
  element.setAttribute("aria-label", `${label}: arrow keys move, Enter chooses, Shift marks`);
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = FONT;
  const width = measure.measureText("m").width;
  let columns = 0;
  let rows = [0];
  let caret = -1;
  let anchor = -1;
  let range = null;
  let asked = false;

  function layout() {
    const fits = Math.max(8, Math.floor((element.clientWidth - 12) / width));
    if (fits === columns) return;
    columns = fits;
    rows = [];
    let start = 0;
    for (let n = 0; n < reading.size; n++) {
      if (reading.symbols[n] === 10 || n + 1 - start >= columns) {
        rows.push(start);
        start = n + 1;
      }
    }
    if (start < reading.size || !rows.length) rows.push(start);
    space.style.height = rows.length * ROW + 8 + "px";
    element.style.height = Math.min(height, rows.length * ROW + 26) + "px";
  }

  function paint() {
    asked = false;
    if (!element.isConnected) return;
    layout();
    const [, context] = prepared(canvas, element.clientWidth, element.clientHeight);
    context.fillStyle = paper();
    context.fillRect(0, 0, element.clientWidth, element.clientHeight);
    context.font = FONT;
    context.textBaseline = "middle";
    const top = element.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW));
    const last = Math.min(rows.length, Math.ceil((top + element.clientHeight) / ROW));
    for (let row = first; row < last; row++) {
      const y = 4 + row * ROW - top;
      const end = row + 1 < rows.length ? rows[row + 1] : reading.size;
      for (let at = rows[row]; at < end; at++) {
        const x = 6 + (at - rows[row]) * width;
        const known = value(at);
        const colour = fill(known);
        if (colour) {
          context.fillStyle = colour;
          context.fillRect(x, y, width + 0.5, ROW - 2);
        }
        const plain = reading.symbols[at] === 10 || reading.symbols[at] === 9;
        context.fillStyle = plain && !(Math.abs(known) > 0.5) ? faintInk() : ink(known);
        if (reading.glyphs[at] !== " ") context.fillText(reading.glyphs[at], x, y + ROW / 2 - 1);
        const inside = range && at >= range[0] && at < range[1];
        if (inside || at === caret) {
          context.strokeStyle = markInk();
          context.lineWidth = at === caret ? 2 : 1;
          if (inside) context.fillStyle = markInk();
          if (inside) context.fillRect(x, y + ROW - 4, width + 0.5, 2);
          if (at === caret) context.strokeRect(x + 0.5, y + 0.5, width - 1, ROW - 3);
        }
      }
    }
  }

  function draw() {
    if (!asked) {
      asked = true;
      requestAnimationFrame(paint);
    }
  }

  function rowOf(at) {
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (rows[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top + element.scrollTop - 4) / ROW);
    if (row < 0 || row >= rows.length) return -1;
    const end = row + 1 < rows.length ? rows[row + 1] : reading.size;
    const at = rows[row] + Math.floor((event.clientX - box.left - 6) / width);
    return at >= rows[row] && at < end ? at : -1;
  }

  function go(at, marking) {
    caret = Math.max(0, Math.min(reading.size - 1, at));
    if (marking && anchor >= 0) setRange(Math.min(anchor, caret), Math.max(anchor, caret) + 1);
    else anchor = caret;
    const y = rowOf(caret) * ROW;
    if (y < element.scrollTop) element.scrollTop = y;
    if (y + ROW + 8 > element.scrollTop + element.clientHeight) element.scrollTop = y + ROW + 8 - element.clientHeight;
    hover?.(caret);
    draw();
  }

  function setRange(start, end) {
    range = [start, end];
    mark?.(start, end);
  }

  element.addEventListener("scroll", draw);
  let pressed = -1;
  canvas.addEventListener("pointerdown", (event) => {
    pressed = under(event);
    if (pressed < 0) return;
    anchor = caret = pressed;
    range = null;
    canvas.setPointerCapture(event.pointerId);
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = under(event);
    if (at < 0) return;
    if (pressed >= 0 && at !== pressed && mark) {
      range = [Math.min(pressed, at), Math.max(pressed, at) + 1];
      draw();
    }
    hover?.(at);
  });
  canvas.addEventListener("pointerup", () => {
    if (pressed >= 0 && range && mark) mark(...range);
    else if (pressed >= 0) pick?.(pressed);
    pressed = -1;
  });
  element.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(element.clientHeight / ROW) - 1);
    const row = rowOf(Math.max(0, caret));
    const column = Math.max(0, caret) - rows[row];
    const inRow = (n) => {
      const to = Math.max(0, Math.min(rows.length - 1, n));
      const end = to + 1 < rows.length ? rows[to + 1] : reading.size;
      return Math.min(rows[to] + column, end - 1);
    };
    const moves = {
      ArrowRight: () => caret + 1,
      ArrowLeft: () => caret - 1,
      ArrowDown: () => inRow(row + 1),
      ArrowUp: () => inRow(row - 1),
      PageDown: () => inRow(row + page),
      PageUp: () => inRow(row - page),
      Home: () => rows[row],
      End: () => inRow(row) - column + (row + 1 < rows.length ? rows[row + 1] : reading.size) - rows[row] - 1,
    };
    if (moves[event.key]) go(moves[event.key](), event.shiftKey && mark);
    else if (event.key === "Enter" && caret >= 0) pick?.(caret);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(element);
  // For whoever puts a view of a longer reading in the place of this one.
  element.kept = () => ({ caret, anchor, range });
  element.putBack = (kept) => {
    ({ caret, anchor, range } = kept);
    draw();
  };
  draw();
  return {
    element,
    draw,
    reveal(at, size = 1) {
      layout();
      range = [at, at + size];
      caret = at;
      element.scrollTop = Math.max(0, rowOf(at) * ROW - element.clientHeight / 3);
      draw();
    },
    rows: () => (layout(), rows.length),
  };
}
