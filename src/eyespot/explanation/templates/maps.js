// Draws the maps of every layer, and the heat map over the picture.
const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
const isVector = ({ shape }) => shape[0] === 1 && shape[1] === 1;
const nameOf = (layer, nth) => (layer.labels ? layer.labels[nth] : channelName(layer, layer.shown[nth]));

// Whether a layer's channels are still those of the picture, only scaled.
function isPicture(layer) {
  if (layer.form.kind === "pixels") return true;
  return layer.form.kind === "scale" && isPicture(layers[layer.inputs[0]]);
}
const channelName = (layer, channel) => (isPicture(layer) ? ["red", "green", "blue"][channel] : String(channel));

function colors() {
  const style = getComputedStyle(document.documentElement);
  return ["--map-ground", "--map-positive", "--map-negative"].map((name) => style.getPropertyValue(name).split(" ").map(Number));
}

const LIGHT = [[224, 60, 50], [60, 170, 80], [70, 110, 230]];

function drawMap(canvas, layer, nth, palette) {
  // The picture's channels are drawn as the light that they are, however they were scaled.
  const isLight = isPicture(layer);
  const { at, height, width } = isLight ? layers[0].map : layer.map;
  const [ground, positive, negative] = isLight ? [[0, 0, 0], LIGHT[layer.shown[nth]], [0, 0, 0]] : palette;
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i += 1) {
    const value = mapNumbers[at + nth * height * width + i] / 127;
    const strength = isLight ? value : Math.abs(value) ** 0.75;
    const color = value < 0 ? negative : positive;
    for (let k = 0; k < 3; k += 1) image.data[4 * i + k] = ground[k] + strength * (color[k] - ground[k]);
    image.data[4 * i + 3] = 255;
  }
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawMaps() {
  const palette = colors();
  for (const canvas of document.querySelectorAll(".map canvas")) {
    const { layer, nth } = canvas.closest(".map").dataset;
    drawMap(canvas, layers[layer], Number(nth), palette);
  }
}

// One channel: a map of its units or, where it has but one, a bar.
function channelElement(layer, nth) {
  const name = nameOf(layer, nth);
  const data = { layer: layer.index, nth };
  if (!isVector(layer)) {
    const frame = element("div", { className: "frame" }, element("canvas"));
    frame.style.setProperty("--ratio", `${layer.map.width} / ${layer.map.height}`);
    const map = element("div", { className: "map" }, frame, element("small", { textContent: name }));
    Object.assign(map.dataset, data);
    return map;
  }
  const value = outputOf({ layer, row: 0, column: 0, nth });
  const bar = element("i", { className: value < 0 ? "negative" : "positive" });
  bar.style.width = `${layer.map.scale ? (100 * Math.abs(value)) / layer.map.scale : 0}%`;
  const row = element(
    "div", { className: "row" }, element("span", { className: "label", textContent: name, title: name }),
    element("span", { className: "bar" }, bar), element("span", { className: "value", textContent: exact(value) }));
  Object.assign(row.dataset, data);
  return row;
}

function addMaps() {
  for (const holder of document.querySelectorAll(".maps")) {
    const layer = layers[holder.dataset.layer];
    holder.classList.add(isVector(layer) ? "rows" : "grid-of-maps");
    layer.elements = layer.shown.map((_, nth) => channelElement(layer, nth));
    holder.append(...layer.elements);
    holder.tabIndex = 0;
    holder.setAttribute("role", "application");
    holder.setAttribute("aria-roledescription", "activation maps");
    const keys = isVector(layer) ? "" : ", Page Up and Page Down from channel to channel";
    const count = layer.shown.length;
    const all = count === layer.shape[2] ? `all ${count}` : `the ${count} strongest of ${layer.shape[2]}`;
    const label = `${layer.name}, ${all} channels. Arrow keys move from unit to unit${keys}.`;
    holder.setAttribute("aria-label", label);
  }
}

// From no heat to the strongest: red, green, blue and how much they cover.
const HEAT = [[120, 0, 120, 0], [200, 30, 110, 0.5], [255, 120, 30, 0.72], [255, 225, 90, 0.85]];
const COLD = [[0, 60, 200, 0], [20, 90, 230, 0.25], [40, 120, 255, 0.45], [90, 170, 255, 0.6]];

function drawHeat() {
  const canvas = byId("heat");
  if (!canvas) return;
  const heat = new Int8Array(bytesOf("heat-bytes").buffer);
  const image = new ImageData(canvas.width, canvas.height);
  for (const [i, value] of heat.entries()) {
    const ramp = value < 0 ? COLD : HEAT;
    const at = (Math.abs(value) / 127) * (ramp.length - 1);
    const below = Math.min(Math.floor(at), ramp.length - 2);
    const color = ramp[below].map((from, k) => from + (at - below) * (ramp[below + 1][k] - from));
    image.data.set([color[0], color[1], color[2], 255 * color[3]], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  const toggle = byId("heat-toggle");
  toggle.checked = true;
  toggle.addEventListener("change", () => { canvas.hidden = !toggle.checked; });
}

// The largest number in absolute terms of a channel, as a unit.
function strongestUnit(layer, nth) {
  const { at, height, width } = layer.map;
  let best = 0;
  for (let i = 0; i < height * width; i += 1) {
    if (Math.abs(mapNumbers[at + nth * height * width + i]) > Math.abs(mapNumbers[at + nth * height * width + best])) best = i;
  }
  const row = Math.floor(((Math.floor(best / width) + 0.5) / height) * layer.shape[0]);
  const column = Math.floor((((best % width) + 0.5) / width) * layer.shape[1]);
  return { layer, row: nearest(row, layer.rows), column: nearest(column, layer.columns), nth };
}

// The position that is worked out and lies nearest; all are where there is no list of them.
function nearest(position, worked) {
  return worked ? worked.reduce((a, b) => (Math.abs(b - position) < Math.abs(a - position) ? b : a)) : position;
}
