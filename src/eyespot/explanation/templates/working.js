// How a unit's number comes about, worked out from the numbers of the layer's inputs. A unit is {layer, row, column, nth}: the
// nth of the channels shown.

const channelOf = ({ layer, nth }) => layer.shown[nth];

function windowOf({ layer, row, column }) {
  const { size, stride, dilation, padding } = layer.form;
  const start = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
  const places = [];
  for (let i = 0; i < size[0]; i += 1) {
    for (let j = 0; j < size[1]; j += 1) places.push([start[0] + i * dilation[0], start[1] + j * dilation[1]]);
  }
  return { start, places };
}

// For each channel of the input its window, its kernel and the sum of their products; then the sum of all, and the bias.
function workSum(unit) {
  const { form, inputs } = unit.layer;
  const source = layers[inputs[0]];
  const { start, places } = windowOf(unit);
  const first = form.first[unit.nth];
  const terms = [];
  let total = 0;
  for (let n = 0; n < form.count; n += 1) {
    const at = form.kernel + (unit.nth * form.count + n) * places.length;
    const term = { channel: first + n, window: [], weights: numbers.subarray(at, at + places.length), sum: 0 };
    for (const [k, [row, column]] of places.entries()) {
      const value = valueOf(source, row, column, first + n);
      term.window.push(value);
      term.sum += (value ?? 0) * term.weights[k];
    }
    total += term.sum;
    terms.push(term);
  }
  const bias = form.bias ? form.bias[unit.nth] : null;
  terms.sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  return { kind: "sum", source, start, terms, bias, total: total + (bias ?? 0) };
}

function workPool(unit) {
  const source = layers[unit.layer.inputs[0]];
  const { start, places } = windowOf(unit);
  const window = places.map(([row, column]) => valueOf(source, row, column, channelOf(unit)));
  const inside = window.filter((value) => value !== undefined);
  const isMax = unit.layer.form.how === "max";
  const total = isMax ? inside.reduce((a, b) => Math.max(a, b), -Infinity) : inside.reduce((a, b) => a + b, 0) / inside.length;
  return { kind: "pool", source, start, window, count: inside.length, isMax, total };
}

// The units of the inputs, in the same place or in that from which the number was copied: [{layer, row, column, channel}...].
function sourcesOf({ layer, row, column, nth }) {
  const channel = layer.shown[nth];
  const inputs = layer.inputs.map((index) => layers[index]);
  if (layer.form.how === "reshape") {
    const [, width, depth] = inputs[0].shape;
    const flat = (row * layer.shape[1] + column) * layer.shape[2] + channel;
    const place = Math.floor(flat / depth);
    return [{ layer: inputs[0], row: Math.floor(place / width), column: place % width, channel: flat % depth }];
  }
  if (layer.form.how === "shift") {
    const at = inputs.map((input, i) => {
      const [down, right, deep] = layer.form.offsets[i];
      return { layer: input, row: row - down, column: column - right, channel: channel - deep };
    });
    const lies = ({ layer: { shape }, ...place }) =>
      [place.row, place.column, place.channel].every((position, axis) => position >= 0 && position < shape[axis]);
    return at.filter(lies);
  }
  return inputs.map((input) => {
    const [height, width, depth] = input.shape;
    const [i, j, k] = [Math.min(row, height - 1), Math.min(column, width - 1), Math.min(channel, depth - 1)];
    return { layer: input, row: i, column: j, channel: k };
  });
}

function workScale(unit) {
  const at = (name) => unit.layer.form[name]?.[unit.nth];
  const [source] = sourcesOf(unit);
  const x = valueOf(source.layer, source.row, source.column, source.channel);
  const [minus, over, times, plus] = ["minus", "over", "times", "plus"].map(at);
  return { kind: "scale", x, minus, over, times, plus, total: ((x - (minus ?? 0)) / (over ?? 1)) * (times ?? 1) + (plus ?? 0) };
}

function workMerge(unit) {
  const parts = sourcesOf(unit).map((source) => ({
    name: source.layer.name, value: valueOf(source.layer, source.row, source.column, source.channel),
  }));
  const values = parts.map((part) => part.value);
  const isSum = unit.layer.form.sign === "+";
  const total = values.reduce((a, b) => (isSum ? a + b : a * b));
  return { kind: "merge", parts, sign: unit.layer.form.sign, total };
}

function workCopy(unit) {
  const [source] = sourcesOf(unit);
  if (!source) return { kind: "copy", source: null, total: 0 };
  return { kind: "copy", source, total: valueOf(source.layer, source.row, source.column, source.channel) };
}

function workSoftmax(unit) {
  const source = layers[unit.layer.inputs[0]];
  const logits = Array.from({ length: source.shape[2] }, (_, channel) => valueOf(source, unit.row, unit.column, channel));
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  const x = logits[channelOf(unit)];
  return { kind: "softmax", x, largest, sum, count: logits.length, total: Math.exp(x - largest) / sum };
}

function workFunction(unit) {
  const [source] = sourcesOf(unit);
  const x = valueOf(source.layer, source.row, source.column, source.channel);
  return { kind: "function", words: unit.layer.form.words, x, total: outputOf(unit) };
}

const outputOf = (unit) => valueOf(unit.layer, unit.row, unit.column, channelOf(unit));

const WORK = {
  pixels: (unit) => ({ kind: "pixels", total: outputOf(unit) }),
  sum: workSum,
  pool: workPool,
  scale: workScale,
  merge: workMerge,
  copy: workCopy,
  softmax: workSoftmax,
  function: workFunction,
};
const work = (unit) => WORK[unit.layer.form.kind](unit);

// The pixels that a unit sees: {top, left, height, width}.
function sightOf({ layer, row, column, nth }) {
  const { rows, columns, channels, places } = layer.sees;
  const sight = rows ? [...rows[row], ...columns[column]] : channels ? channels[nth] : places[row * layer.shape[1] + column];
  const [top, bottom, left, right] = sight;
  return { top, left, height: bottom - top, width: right - left };
}
