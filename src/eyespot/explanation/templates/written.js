// How the working of a unit is written down.
const SHOWN_TERMS = { windows: 3, products: 8 };
const sign = (text) => text.replace("-", "−");
function exact(value) {
  if (Number.isInteger(value) || !Number.isFinite(value)) return sign(String(value));
  return sign(Math.abs(value) < 0.001 ? value.toPrecision(3) : value.toFixed(4));
}
function short(value) {
  const digits = Math.abs(value) >= 99.5 ? 0 : Math.abs(value) >= 9.95 ? 1 : 2;
  const text = value.toFixed(digits);
  return sign(Number(text) === 0 ? text.replace("-", "") : text);
}
const paragraph = (className, ...children) => element("p", { className }, ...children);
const span = (from, size) => (size === 1 ? `${from}` : `${from}–${from + size - 1}`);
const plural = (n, word) => (n === 1 ? `1 ${word}` : `${n.toLocaleString("en")} ${word}s`);

function grid(values, columns, { marked = -1 } = {}) {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0) || 1;
  const cells = [...values].map((value, i) => {
    const isPadding = value === undefined;
    const cell = element("span", { className: isPadding ? "padding" : value < 0 ? "negative" : "positive" });
    if (columns <= 5) cell.textContent = isPadding ? "0" : short(value);
    cell.title = isPadding ? "padding, counted as 0" : exact(value);
    if (i === marked) cell.classList.add("marked");
    cell.style.setProperty("--s", isPadding ? 0 : (Math.abs(value) / largest).toFixed(3));
    return cell;
  });
  const made = element("span", { className: `grid ${columns <= 3 ? "large" : columns <= 5 ? "medium" : "small"}` }, ...cells);
  made.style.setProperty("--columns", columns);
  made.setAttribute("aria-hidden", "true");
  return made;
}

const operator = (text) => element("span", { className: "operator", textContent: text });

const line = (label, text, className = "") => element(
  "tr", { className }, element("th", { scope: "row", textContent: label }), element("td", { textContent: text }));

// A table of [label, number or text] lines with its result below.
function sums(lines, [label, total]) {
  const text = (value) => (typeof value === "number" ? exact(value) : value);
  return element(
    "table", { className: "sums" }, element("tbody", {}, ...lines.map(([name, value]) => line(name, text(value)))),
    element("tfoot", {}, line(label, exact(total), "total")));
}

function sumElements(unit, worked) {
  const { source, terms, bias, total } = worked;
  const { size, separable, activation } = unit.layer.form;
  const isOne = size[0] * size[1] === 1;
  const name = (term) => (isPicture(source) ? channelName(source, term.channel) : `channel ${term.channel}`);
  const shown = terms.slice(0, isOne ? SHOWN_TERMS.products : SHOWN_TERMS.windows);
  const others = terms.slice(shown.length);
  const product = (term) => `${short(term.window[0] ?? 0)} × ${sign(term.weights[0].toPrecision(3))}`;
  const lines = shown.map((term) => [isOne ? `${name(term)}: ${product(term)}` : name(term), term.sum]);
  if (others.length) lines.push([plural(others.length, "other channel"), others.reduce((sum, term) => sum + term.sum, 0)]);
  if (bias !== null) lines.push(["bias", bias]);
  const products = terms.length * size[0] * size[1];
  const count = plural(products, "product");
  const joined = separable ? "; the two kernels are multiplied into one" : "";
  const made = [paragraph("remark", `Each number in the window on ${source.name} times its weight, added up: ${count}${joined}.`)];
  if (!isOne) {
    made.push(...shown.map((term) => {
      const grids = [grid(term.window, size[1]), operator("×"), grid(term.weights, size[1])];
      if (size[1] <= 3) grids.push(operator("="), grid(term.window.map((value, i) => (value ?? 0) * term.weights[i]), size[1]));
      return element("div", { className: "term" }, paragraph("name", name(term)), element("div", { className: "grids" }, ...grids));
    }));
  }
  made.push(sums(lines, ["sum", total]));
  if (activation) made.push(paragraph("then", element("code", { textContent: activation }), ` of ${exact(total)} is ${exact(outputOf(unit))}`));
  return made;
}

function poolElements(unit, { source, window, count, isMax, total }) {
  const columns = unit.layer.form.size[1];
  const marked = isMax ? window.indexOf(total) : -1;
  const all = `the ${plural(count, "number")} in the window on ${source.name}`;
  const mean = `The mean of ${all}: their sum, ${exact(total * count)}, ÷ ${count}.`;
  const result = element("b", { textContent: exact(total) });
  return [
    paragraph("remark", isMax ? `The largest of ${all}.` : mean),
    element("div", { className: "grids" }, grid(window, columns, { marked }), operator("→"), result),
  ];
}

const STATISTICS = {
  "−": "the mean in training", "÷": "the standard deviation in training", "×": "its scale", "+": "its offset",
};

function scaleElements(unit, { x, minus, over, times, plus, total }) {
  const isNormalization = unit.layer.type.endsWith("Normalization");
  const isThere = ([operation, value]) => value !== undefined && !(operation === "+" && value === 0);
  const steps = [["−", minus], ["÷", over], ["×", times], ["+", plus]].filter(isThere);
  const lines = steps.map(([operation, value]) => {
    const text = value < 0 ? `(${exact(value)})` : exact(value);
    return [isNormalization ? STATISTICS[operation] : "", `${operation} ${text}`];
  });
  return [
    paragraph("remark", `The number in the same place of ${layers[unit.layer.inputs[0]].name}, shifted and scaled.`),
    sums([["x", x], ...lines], ["result", total]),
  ];
}

function softmaxElements(unit, { x, largest, sum, count, total }) {
  const steps = [["x", x], ["less the largest", x - largest], ["e to the power of that", Math.exp(x - largest)]];
  return [
    paragraph("remark", `e to the power of its number, divided by the sum over all ${count}.`),
    sums([...steps, ["÷ the sum of all", sum]], ["probability", total]),
  ];
}

function copyElements(unit, { source }) {
  if (!source) return [paragraph("remark", "Padding: a 0 that is put around the map.")];
  const from = `${source.layer.name}, channel ${source.channel}, row ${source.row}, column ${source.column}`;
  const drops = unit.layer.type.includes("Dropout");
  return [paragraph("remark", drops ? "Dropout acts while training only; here it hands every number on." : `The number of ${from}, handed on.`)];
}

const ELEMENTS = {
  pixels: (unit, { total }) => [paragraph("remark", `The amount of ${channelName(unit.layer, channelOf(unit))} in this pixel, 0 to 255: ${total}.`)],
  sum: sumElements,
  pool: poolElements,
  scale: scaleElements,
  merge: (unit, { parts, sign: operation, total }) => [
    paragraph("remark", operation === "+" ? "The numbers in the same place, added." : "The numbers in the same place, multiplied."),
    sums(parts.map(({ name, value }, i) => [`${i ? `${operation} ` : ""}${name}`, value]), ["result", total]),
  ],
  copy: copyElements,
  softmax: softmaxElements,
  function: (unit, { words, x, total }) => [paragraph("then", element("code", { textContent: words }), ` of x = ${exact(x)} is ${exact(total)}`)],
};

