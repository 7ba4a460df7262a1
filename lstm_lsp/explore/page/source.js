// Where answers come from: the server, or what was recorded into an exported file.
// The exported file's data stand in an element #data: JSON, and arrays deflated in base64.

const SHOWN = 5;

/** A source with `live` true can read new texts; the other knows what it was given. */
export async function openSource() {
  const data = document.getElementById("data");
  return data ? recorded(JSON.parse(data.textContent)) : server();
}

function server() {
  async function ask(name, parameters, options) {
    const query = parameters ? "?" + new URLSearchParams(parameters) : "";
    let answer;
    try {
      answer = await fetch(`api/${name}${query}`, options);
    } catch {
      throw new Error("the explorer has ended; start `lstm-lsp explore` again");
    }
    if (!answer.ok) throw new Error((await answer.json()).error);
    return answer;
  }
  const post = async (name, body) =>
    (await ask(name, null, { method: "POST", body: JSON.stringify(body) })).json();
  const json = async (name, parameters) => (await ask(name, parameters)).json();
  const binary = async (name, parameters) => (await ask(name, parameters)).arrayBuffer();
  return {
    live: true,
    json,
    post,
    predictions: async (id) => split(await binary("predictions", { id })),
    async unit(id, layer, unit, quantities) {
      const values = new Float32Array(await binary("unit", { id, layer, unit }));
      const size = values.length / quantities.length;
      return Object.fromEntries(quantities.map((name, n) => [name, values.subarray(n * size, (n + 1) * size)]));
    },
    async tile(id, layer, quantity, units, start, end) {
      const buffer = await binary("tile", { id, layer, quantity, units, start, end });
      return { scale: new Float32Array(buffer, 0, units.length), values: new Int8Array(buffer, 4 * units.length) };
    },
  };
}

function split(buffer) {
  const size = buffer.byteLength / (4 + 5 * SHOWN);
  return {
    bits: new Float32Array(buffer, 0, size),
    probabilities: new Float32Array(buffer, 4 * size, size * SHOWN),
    symbols: new Uint8Array(buffer, 4 * size * (1 + SHOWN)),
  };
}

/** What `lstm_lsp.explore.export` wrote: answers by their question, arrays by their place. */
async function recorded(data) {
  const text = atob(data.arrays);
  const packed = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) packed[n] = text.charCodeAt(n); // tens of times faster than `from`
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const arrays = await new Response(stream).arrayBuffer();
  const part = ([start, end]) => arrays.slice(start, end);
  const answers = JSON.parse(new TextDecoder().decode(part(data.answers)));
  const key = (name, parameters) => [name, ...Object.values(parameters || {})].join(" ");
  const layerOf = (id, layer) => data.readings[id].layers[layer];

  function quantised(id, layer, quantity) {
    const stored = layerOf(id, layer)[quantity];
    const size = data.readings[id].total;
    if (!stored.values) {
      stored.scales = new Float32Array(part(stored.scale));
      stored.values = new Int8Array(part(stored.at));
    }
    return { size, ...stored };
  }

  function changed({ id, at }) {
    const moved = [];
    data.readings[id].layers.forEach((_, layer) => {
      const { size, values, scales } = quantised(id, layer, "hidden");
      scales.forEach((scale, unit) => {
        const before = at && !data.readings[id].begins.includes(Number(at)) ? values[unit * size + Number(at) - 1] : 0;
        moved.push({ layer, unit, change: ((values[unit * size + Number(at)] - before) * scale) / 127 });
      });
    });
    return moved.sort((one, two) => Math.abs(two.change) - Math.abs(one.change)).slice(0, 8);
  }

  return {
    live: false,
    async json(name, parameters) {
      if (name === "changed") return changed(parameters);
      const known = answers[key(name, parameters)];
      if (known === undefined) throw new Error("this file does not hold that; `lstm-lsp explore` computes it");
      return known;
    },
    async post(name, body) {
      const known = answers[key(name, { subject: body.subject, text: body.text })];
      if (name !== "read" || body.held || !known) {
        throw new Error("an exported file reads no new text; `lstm-lsp explore` does");
      }
      return known;
    },
    predictions: async (id) => split(part(data.readings[id].predictions)),
    async unit(id, layer, unit, quantities) {
      const found = quantities.map((name) => {
        const { size, values, scales } = quantised(id, layer, name);
        return [name, Float32Array.from(values.subarray(unit * size, (unit + 1) * size), (v) => (v * scales[unit]) / 127)];
      });
      return Object.fromEntries(found);
    },
    async tile(id, layer, quantity, units, start, end) {
      const { size, values, scales } = quantised(id, layer, quantity);
      const found = new Int8Array(units.length * (end - start));
      units.forEach((unit, n) =>
        found.set(values.subarray(unit * size + start, unit * size + end), n * (end - start)),
      );
      return { scale: Float32Array.from(units, (unit) => scales[unit]), values: found };
    },
  };
}
