// Elements from data. Every text becomes a text node: nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; `on` holds listeners, `null` and `false` are left out. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same of a drawing. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child instanceof Node) element.appendChild(child);
    else if (child !== null && child !== undefined && child !== false) element.append(String(child));
  }
}

/** Puts other children in the place of those that an element has. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

export const root = document.documentElement.dataset.root;

/** The address of a part of the page: `at("p", project, "lineage")`. */
export function at(...parts) {
  return `${root}/${parts.map(encodeURIComponent).join("/")}`;
}

/** A link that the page follows without loading itself anew; see `app.js`. */
export function link(href, attributes, ...children) {
  return h("a", { href, ...attributes }, ...children);
}

/** A point in time, with how long ago it was. */
export function time(text, { ago = true } = {}) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return h("span", { class: "quiet" }, "–");
  const shown = `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return ago
    ? h("time", { datetime: text, title: shown }, since(date))
    : h("time", { datetime: text, title: since(date) }, shown);
}

const STEPS = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [30, "day"],
  [12, "month"],
  [Infinity, "year"],
];

/** How long ago a date was, or how far it is. */
export function since(date) {
  let span = (date.getTime() - Date.now()) / 1000;
  for (const [size, unit] of STEPS) {
    if (Math.abs(span) < size) {
      return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(span), unit);
    }
    span /= size;
  }
  return "";
}

/** A span of time: `86400s` as `1 day`. */
export function span(text) {
  const seconds = Number.parseFloat(text ?? "");
  if (!seconds) return "for ever";
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    if (seconds >= size && Number.isInteger(seconds / size)) return plural(seconds / size, unit);
  }
  return `${seconds} s`;
}

export function plural(count, word, words = `${word}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? word : words}`;
}

/** Labels, each a small box. */
export function tags(object) {
  const pairs = Object.entries(object ?? {});
  if (!pairs.length) return h("span", { class: "quiet" }, "–");
  return h("span", { class: "tags" }, pairs.map(([key, value]) => h("span", { class: "tag", title: `${key}: ${value}` }, h("b", {}, key), value && ` ${value}`)));
}

export function badge(text, kind) {
  return h("span", { class: `badge ${kind ?? ""}` }, text);
}

/** A titled part of a page; nothing where it holds nothing. */
export function section(title, ...children) {
  const held = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  return held.length ? h("section", {}, h("h2", {}, title), held) : null;
}

/** Names and what they stand for, a row each; rows without a value are left out. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A table whose columns are `{title, cell, sort?, number?}`; a click on a title sorts, a text filters. */
export function table(columns, rows, { filter = true, empty = "There are none.", noun = "row" } = {}) {
  if (!rows.length) return h("p", { class: "quiet empty" }, empty);
  const lines = rows.map((row) => ({
    row,
    line: h("tr", {}, columns.map(({ cell, number }) => h("td", { class: number && "number" }, cell(row)))),
  }));
  const body = h("tbody");
  const count = h("span", { class: "quiet", role: "status" });
  const order = { column: null, down: false };
  const input = h("input", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter this list",
    on: { input: draw },
  });
  const heads = columns.map((column) => {
    if (!column.sort) return h("th", { scope: "col" }, column.title);
    const sort = () => {
      order.down = order.column === column && !order.down;
      order.column = column;
      draw();
    };
    return h("th", { scope: "col", class: column.number && "number" }, h("button", { type: "button", on: { click: sort } }, column.title));
  });
  function draw() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = lines.filter(({ line }) => {
      const text = line.textContent.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    if (order.column) {
      const value = order.column.sort;
      shown = [...shown].sort((one, other) => compare(value(one.row), value(other.row)) * (order.down ? -1 : 1));
    }
    columns.forEach((column, index) => {
      const sorted = order.column === column ? (order.down ? "descending" : "ascending") : null;
      if (sorted) heads[index].setAttribute("aria-sort", sorted);
      else heads[index].removeAttribute("aria-sort");
    });
    replace(body, shown.map(({ line }) => line));
    replace(count, shown.length === lines.length ? plural(lines.length, noun) : `${shown.length} of ${plural(lines.length, noun)}`);
  }
  draw();
  return h(
    "div",
    { class: "listing" },
    filter && lines.length > 5 && h("div", { class: "bar" }, input, count),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": noun },
      h("table", {}, h("thead", {}, h("tr", {}, heads)), body)),
  );
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one ?? "").localeCompare(String(other ?? ""), "en", { numeric: true });
}
