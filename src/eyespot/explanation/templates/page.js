// What the reader does: one unit at a time, chosen by pointer or keys, is put on the bench.

// Puts a box over an area of a frame: {top, left, height, width} in units of a map of so many rows and columns.
function place(box, area, rows, columns) {
  box.hidden = !area;
  if (!area) return;
  const percent = (n, all) => `${(100 * n) / all}%`;
  const [top, height] = [area.top, area.height].map((n) => percent(n, rows));
  const [left, width] = [area.left, area.width].map((n) => percent(n, columns));
  Object.assign(box.style, { top, left, height, width });
}

const titleOf = ({ layer, nth }) => (layer.labels ? layer.labels[nth] : `channel ${nameOf(layer, nth)}`);
let current = null;
let kept = null;
const marks = [];

// Puts a unit on the bench; the first one, which nobody chose, leaves the large picture alone.
function show(unit, { isChosen = true } = {}) {
  current = unit;
  const { layer, row, column, nth } = unit;
  const worked = work(unit);
  const sight = sightOf(unit);
  const isUnitOfVector = isVector(layer);
  const title = element("h3", {}, layer.name, " ", element("small", { textContent: titleOf(unit) }));
  const seen = `sees ${sight.height} × ${sight.width} ${sight.height * sight.width === 1 ? "pixel" : "pixels"}`;
  const at = paragraph("remark", [isUnitOfVector ? null : `row ${row}, column ${column}`, seen].filter(Boolean).join(" · "));
  const result = paragraph("result", exact(layer.form.activation ? outputOf(unit) : worked.total));
  byId("working").replaceChildren(title, at, result, ...ELEMENTS[worked.kind](unit, worked));
  place(byId("sight").querySelector(".field"), sight, page.height, page.width);
  place(byId("picture").querySelector(".field"), isChosen && sight, page.height, page.width);
  for (const undo of marks.splice(0)) undo();
  mark(layer, nth, { top: row, left: column, height: 1, width: 1 }, "unit-marker");
  if (worked.start) {
    const { size, dilation } = layer.form;
    const [height, width] = size.map((n, axis) => (n - 1) * dilation[axis] + 1);
    const channels = worked.kind === "pool" ? [layer.shown[nth]] : worked.terms.slice(0, SHOWN_TERMS.windows).map((term) => term.channel);
    for (const [position, channel] of worked.source.shown.entries()) {
      if (channels.includes(channel)) mark(worked.source, position, { top: worked.start[0], left: worked.start[1], height, width }, "window-marker");
    }
  }
  return worked;
}

function mark(layer, nth, area, className) {
  const channel = layer.elements[nth];
  if (className === "unit-marker") {
    channel.classList.add("here");
    marks.push(() => channel.classList.remove("here"));
  }
  if (isVector(layer)) return;
  const box = element("div", { className: `marker ${className}` });
  channel.firstChild.append(box);
  marks.push(() => box.remove());
  place(box, area, layer.shape[0], layer.shape[1]);
}

function announce(unit) {
  const { layer, row, column } = unit;
  const sight = sightOf(unit);
  const where = isVector(layer) ? "" : `, row ${row}, column ${column} of ${layer.shape[0]} by ${layer.shape[1]}`;
  const sees = ` Sees rows ${span(sight.top, sight.height)}, columns ${span(sight.left, sight.width)} of the picture.`;
  byId("live").textContent = `${layer.name}, ${titleOf(unit)}${where}: ${exact(outputOf(unit))}.${sees}`;
}

function unitAt(event) {
  const channel = event.target.closest?.("[data-nth]");
  if (!channel) return null;
  const layer = layers[channel.dataset.layer];
  const nth = Number(channel.dataset.nth);
  if (isVector(layer)) return { layer, row: 0, column: 0, nth };
  const box = channel.firstChild.getBoundingClientRect();
  const at = (offset, size, n) => Math.min(Math.max(Math.floor((offset / size) * n), 0), n - 1);
  const row = nearest(at(event.clientY - box.top, box.height, layer.shape[0]), layer.rows);
  const column = nearest(at(event.clientX - box.left, box.width, layer.shape[1]), layer.columns);
  return { layer, row, column, nth };
}

const isSame = (a, b) => a && b && a.layer === b.layer && a.row === b.row && a.column === b.column && a.nth === b.nth;

function moved(unit, key) {
  const { layer } = unit;
  const last = layer.shown.length - 1;
  const along = (position, worked, size, step) => {
    const positions = worked ?? Array.from({ length: size }, (_, i) => i);
    return positions[Math.min(Math.max(positions.indexOf(position) + step, 0), positions.length - 1)];
  };
  const rows = (step) => ({ ...unit, row: along(unit.row, layer.rows, layer.shape[0], step) });
  const columns = (step) => ({ ...unit, column: along(unit.column, layer.columns, layer.shape[1], step) });
  const channels = (step) => ({ ...unit, nth: Math.min(Math.max(unit.nth + step, 0), last) });
  const steps = {
    ArrowUp: [rows, -1], ArrowDown: [rows, 1], ArrowLeft: [columns, -1], ArrowRight: [columns, 1],
    PageUp: [channels, -1], PageDown: [channels, 1], Home: [channels, -last], End: [channels, last],
  };
  if (!steps[key]) return null;
  const [move, step] = steps[key];
  return (isVector(layer) ? channels : move)(step);
}

function listen() {
  const list = document.querySelector(".layers");
  list.addEventListener("pointermove", (event) => {
    const unit = unitAt(event);
    if (unit && !isSame(unit, current)) show(unit);
  });
  list.addEventListener("pointerleave", () => { if (kept && !isSame(kept, current)) show(kept); });
  list.addEventListener("click", (event) => {
    const unit = unitAt(event);
    if (unit) { kept = unit; show(unit); }
  });
  list.addEventListener("focusin", (event) => {
    const holder = event.target.closest(".maps");
    if (!holder || !holder.matches(":focus-visible")) return;
    const layer = layers[holder.dataset.layer];
    kept = current?.layer === layer ? current : strongestUnit(layer, 0);
    show(kept);
    announce(kept);
  });
  list.addEventListener("keydown", (event) => {
    const holder = event.target.closest(".maps");
    if (!holder || event.ctrlKey || event.altKey || event.metaKey) return;
    const layer = layers[holder.dataset.layer];
    const next = moved(current?.layer === layer ? current : strongestUnit(layer, 0), event.key);
    if (!next) return;
    event.preventDefault();
    kept = next;
    show(next);
    announce(next);
  });
}

function start() {
  document.documentElement.classList.add("scripted");
  addMaps();
  drawMaps();
  drawHeat();
  listen();
  listenToPixels();
  const [height, width] = patchSize();
  patch.row = Math.floor((page.height - height) / 2);
  patch.column = Math.floor((page.width - width) / 2);
  showPatch();
  show(strongestUnit(layers.find((layer) => layer.form.kind === "sum") ?? layers[0], 0), { isChosen: false });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMaps);
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); drawMaps(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); drawMaps(); });
}
start();
