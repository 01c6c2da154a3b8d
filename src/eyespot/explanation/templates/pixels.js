// The picture as numbers: a patch of its pixels, as a table.
// So many rows, and twice as many columns where there is room.
const PATCHES = [2, 3, 4, 6, 8, 12];
const patch = { row: 0, column: 0, step: 3 };
const patchSize = () => [PATCHES[patch.step], PATCHES[patch.step] * (innerWidth > 760 ? 2 : 1)];

function showPatch() {
  const [height, width] = patchSize().map((size, axis) => Math.min(size, axis ? page.width : page.height));
  patch.row = Math.min(Math.max(patch.row, 0), page.height - height);
  patch.column = Math.min(Math.max(patch.column, 0), page.width - width);
  const cell = (row, column) => {
    const color = [0, 1, 2].map((channel) => pixels[(row * page.width + column) * 3 + channel]);
    const made = element("td", {}, ...color.map((number) => element("span", { textContent: number })));
    made.style.backgroundColor = `rgb(${color.join(" ")})`;
    made.className = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140 ? "bright" : "dark";
    return made;
  };
  const positions = (from, count) => Array.from({ length: count }, (_, i) => from + i);
  const columns = positions(patch.column, width);
  const heading = (scope, textContent) => element("th", { scope, textContent });
  const head = element("tr", {}, element("td"), ...columns.map((column) => heading("col", column)));
  const rows = positions(patch.row, height).map((row) => (
    element("tr", {}, heading("row", row), ...columns.map((column) => cell(row, column)))));
  byId("pixels").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  byId("pixels").className = `zoom-${PATCHES[patch.step]}`;
  const where = `Rows ${span(patch.row, height)} and columns ${span(patch.column, width)} of ${page.height} × ${page.width} pixels`;
  byId("pixels-place").textContent = `${where}; in each, red, green and blue. All are counted from 0.`;
  const area = { top: patch.row, left: patch.column, height, width };
  place(document.querySelector("#picture .patch"), area, page.height, page.width);
  byId("fewer").disabled = patch.step === 0;
  byId("more").disabled = patch.step === PATCHES.length - 1 || (height === page.height && width === page.width);
}

function listenToPixels() {
  const zoom = (step) => { patch.step = Math.min(Math.max(patch.step + step, 0), PATCHES.length - 1); showPatch(); };
  byId("fewer").addEventListener("click", () => zoom(-1));
  byId("more").addEventListener("click", () => zoom(1));
  byId("picture").addEventListener("pointermove", (event) => {
    const box = byId("picture").getBoundingClientRect();
    const [height, width] = patchSize();
    patch.row = Math.round(((event.clientY - box.top) / box.height) * page.height - height / 2);
    patch.column = Math.round(((event.clientX - box.left) / box.width) * page.width - width / 2);
    showPatch();
  });
  byId("pixels").addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    patch.row += step[0];
    patch.column += step[1];
    showPatch();
  });
}

