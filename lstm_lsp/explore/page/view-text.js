// The whole text by how unexpected each character was, or by one quantity of a unit.

import { lowEnd, make, quantityTitle, select, unitTitle } from "./dom.js";
import { unitOf } from "./reading.js";
import { textView } from "./text.js";

export async function textsView(app, reading, panel) {
  const { layer, unit, shown = "bits" } = app.state;
  const { bits } = reading.predictions;
  const values = shown === "bits" ? null : await unitOf(reading, layer, unit);
  let scale = 8;
  if (values) scale = values[shown].reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  if (values && shown !== "cell") scale = 1;
  const text = textView(reading, {
    label: "The text",
    value: (at) => (values ? values[shown][at] / scale : -Math.min(1, bits[at] / scale)),
    hover: panel.show,
    height: Math.max(360, window.innerHeight - 260),
  });
  if (app.state.at !== undefined) queueMicrotask(() => text.reveal(Math.min(app.state.at, reading.size - 1)));
  app.legend(values ? lowEnd(shown, scale.toFixed(1)) : "8 bits", values ? "+" + scale.toFixed(1) : "");
  const options = [["bits", "how unexpected (bits)"], ...reading.subject.quantities.map((name) => [name, quantityTitle(name)])];
  return [
    make("h2", {}, values ? `${quantityTitle(shown)} of ${unitTitle(layer, unit)}` : "How unexpected each character was"),
    make("div", { class: "row" },
      select("Coloured by", options, shown, (name) => app.go({ shown: name === "bits" ? undefined : name })),
      make("span", { class: "faint" },
        `${reading.size.toLocaleString("en")} characters (bytes), ${reading.mean.toFixed(2)} bits each on average; read from the start, header first, without project memory`)),
    text.element,
  ];
}
