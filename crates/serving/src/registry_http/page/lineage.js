// A drawing of what feeds what, from left to right: sources, views, views computed of them, services, datasets.

import { at, h, replace, s } from "./dom.js";
import { KINDS } from "./model.js";

const WIDTH = 190;
const HEIGHT = 36;
const COLUMN = 264;
const ROW = 48;
const LETTERS = 24;

/** The page of a whole project. */
export function lineagePage(project) {
  const box = h("div");
  const filter = h("input", { type: "search", placeholder: "Show only what touches…", "aria-label": "Show only what touches", on: { input: draw } });
  const entities = h("input", { type: "checkbox", id: "entities", on: { change: draw } });
  function draw() {
    replace(box, drawing(project, { text: filter.value, entities: entities.checked }));
  }
  draw();
  return [
    h("h1", { tabindex: "-1" }, "Lineage"),
    h("div", { class: "bar" }, filter, h("label", { for: "entities" }, entities, " with entities"), legend()),
    box,
  ];
}

function legend() {
  const words = [["source", "source"], ["view", "view"], ["on-demand", "on-demand view"], ["service", "service"], ["dataset", "dataset"]];
  return h("span", { class: "legend" }, words.map(([kind, word]) => h("span", { class: kind }, word)));
}

/** The drawing around one object, around all whose names hold a text, or of everything. */
export function drawing(project, { kind, name, text = "", entities = false }) {
  let edges = project.edges({ entities });
  const key = (node) => `${node.kind}\n${node.name}`;
  const nodes = new Map();
  for (const { from, to } of edges) for (const node of [from, to]) nodes.set(key(node), node);
  if (kind) nodes.set(key({ kind, name }), { kind, name });
  else for (const one of ["view", "service", "source", "dataset"]) for (const object of project.list(one)) nodes.set(key({ kind: one, name: object.name }), { kind: one, name: object.name });
  const words = text.trim().toLowerCase();
  const centre = kind ? [key({ kind, name })] : words ? [...nodes.keys()].filter((one) => one.split("\n")[1].toLowerCase().includes(words)) : null;
  if (centre) {
    const kept = new Set(centre.flatMap((one) => [...reached(one, edges, key)]));
    for (const one of nodes.keys()) if (!kept.has(one)) nodes.delete(one);
    edges = edges.filter(({ from, to }) => nodes.has(key(from)) && nodes.has(key(to)));
  }
  if (!nodes.size) return h("p", { class: "quiet empty" }, words ? "Nothing is called so." : "There is nothing to draw yet.");
  if (kind && nodes.size === 1) return h("p", { class: "quiet" }, "Nothing feeds it, and it feeds nothing.");
  const places = layout(project, nodes, edges, key);
  return draw(project, nodes, edges, places, key, kind && key({ kind, name }));
}

/** An object with all that it is made of, and all that is made of it. */
function reached(start, edges, key) {
  const walk = (from, to) => {
    const found = new Set([start]);
    const open = [start];
    while (open.length) {
      const at = open.pop();
      for (const edge of edges) {
        const next = key(edge[to]);
        if (key(edge[from]) === at && !found.has(next)) {
          found.add(next);
          open.push(next);
        }
      }
    }
    return found;
  };
  return new Set([...walk("from", "to"), ...walk("to", "from")]);
}

/** Columns by how much lies before a node, rows so that edges cross little. */
function layout(project, nodes, edges, key) {
  const before = new Map([...nodes.keys()].map((node) => [node, []]));
  const after = new Map([...nodes.keys()].map((node) => [node, []]));
  for (const { from, to } of edges) {
    before.get(key(to)).push(key(from));
    after.get(key(from)).push(key(to));
  }
  const depth = new Map();
  const measure = (node, path) => {
    if (depth.has(node)) return depth.get(node);
    if (path.has(node)) return 0;
    path.add(node);
    const least = { view: 1, service: 2, dataset: 3 }[nodes.get(node).kind] ?? 0;
    const deepest = Math.max(least, ...before.get(node).map((from) => measure(from, path) + 1));
    path.delete(node);
    depth.set(node, deepest);
    return deepest;
  };
  for (const node of nodes.keys()) measure(node, new Set());
  // Services stand behind all views, and datasets behind all services, each in a column of their own.
  for (const kind of ["service", "dataset"]) {
    const those = [...nodes].filter(([, node]) => node.kind === kind).map(([one]) => one);
    const column = Math.max(0, ...those.map((one) => depth.get(one)));
    for (const one of those) depth.set(one, column);
  }
  const used = [...new Set(depth.values())].sort((one, other) => one - other);
  const columns = used.map((column) => [...nodes.keys()].filter((node) => depth.get(node) === column).sort());
  const row = new Map();
  const number = () => columns.forEach((column) => column.forEach((node, index) => row.set(node, index - column.length / 2)));
  number();
  for (let sweep = 0; sweep < 6; sweep += 1) {
    const neighbours = sweep % 2 ? after : before;
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const weight = new Map(column.map((node) => {
        const near = neighbours.get(node).map((other) => row.get(other));
        return [node, near.length ? near.reduce((sum, at) => sum + at, 0) / near.length : row.get(node)];
      }));
      column.sort((one, other) => weight.get(one) - weight.get(other));
      column.forEach((node, index) => row.set(node, index - column.length / 2));
    }
  }
  const tallest = Math.max(...columns.map((column) => column.length));
  const places = new Map();
  columns.forEach((column, at) => {
    const top = ((tallest - column.length) * ROW) / 2;
    column.forEach((node, index) => places.set(node, { x: at * COLUMN + 8, y: top + index * ROW + 8 }));
  });
  return { places, width: (columns.length - 1) * COLUMN + WIDTH + 16, height: tallest * ROW + 4 };
}

function draw(project, nodes, edges, { places, width, height }, key, centre) {
  const lines = edges.map((edge) => {
    const [from, to] = [places.get(key(edge.from)), places.get(key(edge.to))];
    const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
    const bend = Math.max(30, (x2 - x1) / 2);
    return { edge, line: s("path", { class: "edge", d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` }) };
  });
  const boxes = [...nodes].map(([one, node]) => {
    const object = project.find(node.kind, node.name);
    const { x, y } = places.get(one);
    const kind = node.kind === "view" && object?.onDemand ? "on-demand" : node.kind;
    const shown = node.name.length > LETTERS ? `${node.name.slice(0, LETTERS - 1)}…` : node.name;
    const word = object?.sort ?? KINDS[node.kind].one;
    const parts = [
      s("title", {}, `${word} ${node.name}${object ? "" : " (not in the registry)"}`),
      s("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 7 }),
      s("text", { x: x + 14, y: y + HEIGHT / 2 + 4.5 }, shown),
    ];
    const light = { pointerenter: () => show(one), pointerleave: () => show(null), focus: () => show(one), blur: () => show(null) };
    const classes = `node ${kind}${object ? "" : " missing"}${one === centre ? " centre" : ""}`;
    const box = object
      ? s("a", { class: classes, href: at("p", project.name, KINDS[node.kind].path, node.name), "aria-label": `${word} ${node.name}`, on: light }, parts)
      : s("g", { class: classes, on: light }, parts);
    return { one, box };
  });
  function show(one) {
    const kept = one && reached(one, edges, key);
    for (const { one: other, box } of boxes) box.classList.toggle("dim", Boolean(kept && !kept.has(other)));
    for (const { edge, line } of lines) line.classList.toggle("dim", Boolean(kept && !(kept.has(key(edge.from)) && kept.has(key(edge.to)))));
  }
  const picture = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "What feeds what, from left to right" }, lines.map(({ line }) => line), boxes.map(({ box }) => box));
  return h("div", { class: "drawing scroll", tabindex: "0", role: "region", "aria-label": "Lineage" }, picture);
}
