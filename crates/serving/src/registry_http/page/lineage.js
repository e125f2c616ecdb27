// A drawing of what feeds what, from left to right: sources, views, views computed of them, services, datasets.

import { at, h, replace, s } from "./dom.js";
import { KINDS } from "./model.js";

const WIDTH = 190;
const HEIGHT = 36;
const COLUMN = 264;
const ROW = 48;
const SLOT = 16;
const LETTERS = 24;

/** The page of a whole project, with what stands below its drawing. */
export function lineagePage(project, below) {
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
    below,
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
  const describe = ({ kind: of, name: called }) => {
    const object = project.find(of, called);
    const word = object?.sort ?? KINDS[of].one;
    return {
      style: of === "view" && object?.onDemand ? "on-demand" : of,
      word,
      title: object ? called : `${called} (not in the registry)`,
      href: object && at("p", project.name, KINDS[of].path, called),
      missing: !object,
    };
  };
  return draw(nodes, edges, layout(nodes, edges, key), key, describe, kind && key({ kind, name }));
}

/** A drawing of any nodes and edges; `describe` has the words and the look of a node. */
export function drawingOf({ nodes, edges, key, describe }) {
  const all = new Map(nodes.map((node) => [key(node), node]));
  return draw(all, edges, layout(all, edges, key), key, describe, null);
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

/** Columns by how much lies before a node; what is not connected stands below each other, the largest on top. */
function layout(nodes, edges, key) {
  const depth = depths(nodes, edges, key);
  const used = [...new Set(depth.values())].sort((one, other) => one - other);
  const column = new Map([...nodes.keys()].map((node) => [node, used.indexOf(depth.get(node))]));
  const middle = new Map();
  const ways = new Map();
  let bottom = 0;
  for (const those of islands(nodes, edges, key)) {
    const own = edges.filter(({ from }) => those.has(key(from)));
    bottom = placeIsland([...those].sort(), own, key, { column, middle, ways, top: bottom });
  }
  return {
    place: (one) => ({ x: column.get(one) * COLUMN + 8, y: middle.get(one) }),
    ways: edges.map((edge) => ways.get(edge)),
    width: (used.length - 1) * COLUMN + WIDTH + 16,
    height: bottom + 4,
  };
}

/** The sets of nodes that edges connect. */
function islands(nodes, edges, key) {
  const near = new Map([...nodes.keys()].map((node) => [node, []]));
  for (const { from, to } of edges) {
    near.get(key(from)).push(key(to));
    near.get(key(to)).push(key(from));
  }
  const seen = new Set();
  const found = [];
  for (const start of [...nodes.keys()].sort()) {
    if (seen.has(start)) continue;
    const island = new Set([start]);
    const open = [start];
    while (open.length) {
      for (const next of near.get(open.pop())) {
        if (!island.has(next)) {
          island.add(next);
          open.push(next);
        }
      }
    }
    for (const one of island) seen.add(one);
    found.push(island);
  }
  return found.sort((one, other) => other.size - one.size);
}

/**
 * Rows such that edges cross little and run straight. An edge over several columns passes those between through a slot
 * of its own, which all edges of one node share, so that it runs under no box. Returns where the island ends.
 */
function placeIsland(those, edges, key, { column, middle, ways, top }) {
  const real = new Set(those);
  const columns = [];
  const before = new Map();
  const after = new Map();
  const enter = (one) => {
    (columns[column.get(one)] ??= []).push(one);
    before.set(one, new Set());
    after.set(one, new Set());
  };
  those.forEach(enter);
  for (const edge of edges) {
    const [from, to] = [key(edge.from), key(edge.to)];
    const way = [from];
    for (let at = column.get(from) + 1; at < column.get(to); at += 1) {
      const slot = `${from}\n${at}`;
      if (!column.has(slot)) {
        column.set(slot, at);
        enter(slot);
      }
      way.push(slot);
    }
    way.push(to);
    way.slice(1).forEach((one, index) => {
      after.get(way[index]).add(one);
      before.get(one).add(way[index]);
    });
    ways.set(edge, way);
  }
  const full = columns.filter(Boolean);
  const tall = (one) => (real.has(one) ? ROW : SLOT);
  const stack = (ordered, wanted) => {
    let free = -Infinity;
    for (const one of ordered) {
      const at = Math.max(wanted(one), free + tall(one) / 2);
      middle.set(one, at);
      free = at + tall(one) / 2;
    }
    // Those that were pushed down pull the others up by as much.
    const shift = ordered.reduce((sum, one) => sum + wanted(one) - middle.get(one), 0) / ordered.length;
    for (const one of ordered) middle.set(one, middle.get(one) + shift);
  };
  full.forEach((ordered) => stack(ordered, () => 0));
  for (let sweep = 0; sweep < 16; sweep += 1) {
    const near = sweep % 2 ? after : before;
    for (const ordered of sweep % 2 ? [...full].reverse() : full) {
      const wanted = new Map(ordered.map((one) => {
        const others = [...near.get(one)].map((other) => middle.get(other));
        return [one, others.length ? others.reduce((sum, at) => sum + at, 0) / others.length : middle.get(one)];
      }));
      ordered.sort((one, other) => wanted.get(one) - wanted.get(other));
      stack(ordered, (one) => wanted.get(one));
    }
  }
  const all = full.flat();
  const shift = top - Math.min(...all.map((one) => middle.get(one) - tall(one) / 2));
  for (const one of all) middle.set(one, middle.get(one) + shift);
  return Math.max(...all.map((one) => middle.get(one) + tall(one) / 2));
}

function depths(nodes, edges, key) {
  const before = new Map([...nodes.keys()].map((node) => [node, []]));
  for (const { from, to } of edges) before.get(key(to)).push(key(from));
  const depth = new Map();
  const measure = (node, path) => {
    if (depth.has(node)) return depth.get(node);
    // A circle, which only a registry that somebody else wrote can hold.
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
    const last = Math.max(0, ...those.map((one) => depth.get(one)));
    for (const one of those) depth.set(one, last);
  }
  return depth;
}

function draw(nodes, edges, { place, ways, width, height }, key, describe, centre) {
  const lines = edges.map((edge, index) => {
    const points = ways[index].map(place);
    const parts = points.slice(1).map(({ x, y }, at) => {
      const from = points[at];
      const start = from.x + WIDTH;
      const bend = (x - start) / 2;
      // Through a slot the line runs straight.
      const begin = at ? `H${start}` : `M${start},${from.y}`;
      return `${begin} C${start + bend},${from.y} ${x - bend},${y} ${x},${y}`;
    });
    return { edge, line: s("path", { class: "edge", d: parts.join(" ") }) };
  });
  const boxes = [...nodes].map(([one, node]) => {
    const { style, word, title, href, missing } = describe(node);
    const { x, y: centreLine } = place(one);
    const y = centreLine - HEIGHT / 2;
    const shown = node.name.length > LETTERS ? `${node.name.slice(0, LETTERS - 1)}…` : node.name;
    const parts = [
      s("title", {}, `${word} ${title}`),
      s("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 7 }),
      s("text", { x: x + 14, y: y + HEIGHT / 2 + 4.5 }, shown),
    ];
    const light = { pointerenter: () => show(one), pointerleave: () => show(null), focus: () => show(one), blur: () => show(null) };
    const classes = `node ${style}${missing ? " missing" : ""}${one === centre ? " centre" : ""}`;
    const box = href
      ? s("a", { class: classes, href, "aria-label": `${word} ${title}`, on: light }, parts)
      : s("g", { class: classes, on: light }, parts);
    return { one, box };
  });
  function show(one) {
    const kept = one && reached(one, edges, key);
    for (const { one: other, box } of boxes) box.classList.toggle("dim", Boolean(kept && !kept.has(other)));
    for (const { edge, line } of lines) line.classList.toggle("dim", Boolean(kept && !(kept.has(key(edge.from)) && kept.has(key(edge.to)))));
  }
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "What feeds what, from left to right" }, lines.map(({ line }) => line), boxes.map(({ box }) => box));
  // As large as it is, unless there is too little room; then smaller, but not so small that it cannot be read.
  picture.style.maxWidth = `${width}px`;
  picture.style.minWidth = `${Math.min(width, Math.max(480, width * 0.62))}px`;
  return h("div", { class: "drawing scroll", tabindex: "0", role: "region", "aria-label": "Lineage" }, picture);
}
