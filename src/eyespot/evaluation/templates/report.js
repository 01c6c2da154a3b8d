"use strict";
(() => {
  const { classes, pictures, cells } = JSON.parse(document.getElementById("pictures").textContent);
  const dialog = document.getElementById("cell");
  const byId = (id) => document.getElementById(id);
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const plural = (n) => (n === 1 ? "1 picture" : `${n.toLocaleString("en")} pictures`);

  function open(key) {
    const [truth, answer] = key.split(",").map((position) => classes[position]);
    const { count, pictures: shown } = cells[key];
    const isRight = truth === answer;
    byId("cell-title").textContent = isRight ? `${truth}, recognized` : `${truth} taken for ${answer}`;
    const order = isRight ? "the least sure first" : "the surest first";
    const some = shown.length < count ? `${shown.length} of ${plural(count)}` : plural(count);
    byId("cell-remark").textContent = shown.length > 1 ? `${some}, ${order}` : some;
    byId("cell-pictures").replaceChildren(...shown.map((number) => {
      const [source, name, confidence] = pictures[number];
      return element("figure", {},
        element("img", { src: source, alt: isRight ? truth : `${truth}, taken for ${answer}` }),
        element("figcaption", {}, `${(100 * confidence).toFixed(1)} % sure`, element("small", { textContent: name, title: name })));
    }));
    dialog.showModal();
    dialog.scrollTop = 0;
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  function openButton(holder, content) {
    const button = element("button", { type: "button" }, ...content);
    button.addEventListener("click", () => open(holder.dataset.cell));
    holder.append(button);
    return button;
  }
  const named = (key) => {
    const [truth, answer] = key.split(",").map((position) => classes[position]);
    return truth === answer ? `${truth}, recognized` : `${truth} taken for ${answer}`;
  };

  const matrix = byId("matrix");
  const buttons = [];
  for (const cell of matrix.querySelectorAll("td[data-cell]")) {
    const button = openButton(cell, [...cell.childNodes]);
    button.tabIndex = buttons.length ? -1 : 0;
    button.setAttribute("aria-label", `${named(cell.dataset.cell)}: ${plural(cells[cell.dataset.cell].count)}`);
    buttons.push(button);
  }
  for (const item of document.querySelectorAll(".confusions li")) {
    const names = item.querySelector(".names");
    names.dataset.cell = item.dataset.cell;
    openButton(names, [...names.childNodes]);
  }

  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  matrix.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    const from = event.target.closest("td[data-cell]");
    if (!step || !from) return;
    event.preventDefault();
    let row = from.parentNode.rowIndex;
    let column = from.cellIndex;
    let next;
    do {
      row += step[0];
      column += step[1];
      next = row > 0 && column > 0 ? matrix.rows[row]?.cells[column] : undefined;
    } while (next && !next.firstElementChild);
    if (!next) return;
    for (const button of buttons) button.tabIndex = -1;
    next.firstElementChild.tabIndex = 0;
    next.firstElementChild.focus();
  });
  for (const kind of ["pointerover", "focusin"]) {
    matrix.addEventListener(kind, (event) => {
      const cell = event.target.closest("tbody td");
      for (const heading of matrix.tHead.rows[0].cells) heading.classList.toggle("here", cell?.cellIndex === heading.cellIndex);
    });
  }
  matrix.addEventListener("pointerleave", () => matrix.querySelector(".here")?.classList.remove("here"));

  const table = byId("classes");
  const value = (row, column, isText) => {
    const cell = row.cells[column];
    return isText ? cell.textContent : Number(cell.dataset.value);
  };
  for (const heading of table.tHead.rows[0].cells) {
    const isText = heading.dataset.kind === "text";
    const button = element("button", { type: "button" }, ...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const column = heading.cellIndex;
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [value(a, column, isText), value(b, column, isText)];
        return sign * (isText ? x.localeCompare(y, undefined, { numeric: true }) : x - y);
      });
      table.tBodies[0].append(...rows);
    });
  }

  addEventListener("beforeprint", () => { for (const details of document.querySelectorAll("details")) details.open = true; });
  document.documentElement.classList.add("scripted");
})();
