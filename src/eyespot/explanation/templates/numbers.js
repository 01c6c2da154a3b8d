"use strict";
// The numbers that the page holds: pixels, kernels, and of each layer the units that are looked at or needed to work these out.
const byId = (id) => document.getElementById(id);
const bytesOf = (id) => {
  const text = atob(byId(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
};
const page = JSON.parse(byId("page").textContent);
const layers = page.layers;
const numbers = new Float32Array(bytesOf("numbers").buffer);
const mapNumbers = new Int8Array(bytesOf("maps").buffer);
const pixels = bytesOf("pixel-bytes");

for (const [index, layer] of layers.entries()) {
  layer.index = index;
  // Where each row, column and channel lies among those that are held; null where all are.
  const places = (positions) => positions && new Map(positions.map((position, i) => [position, i]));
  if (layer.numbers) {
    const { at, count, rows, columns, channels } = layer.numbers;
    Object.assign(layer.numbers, { at, count, rows: places(rows), columns: places(columns), channels: places(channels) });
  }
}

// The output of a layer's unit; undefined where the page does not hold it.
function valueOf(layer, row, column, channel) {
  const [height, width, depth] = layer.shape;
  if (row < 0 || column < 0 || row >= height || column >= width) return undefined;
  if (!layer.numbers) return pixels[(row * width + column) * depth + channel];
  const { at, count, rows, columns, channels } = layer.numbers;
  const i = rows ? rows.get(row) : row;
  const j = columns ? columns.get(column) : column;
  const k = channels ? channels.get(channel) : channel;
  return i === undefined || j === undefined || k === undefined ? undefined : numbers[at + (k * count[0] + i) * count[1] + j];
}
