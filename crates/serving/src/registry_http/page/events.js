// What feeds what beyond the registry, as producers of OpenLineage events tell it.

import { Refused, get } from "./api.js";
import { h, plural, replace, section } from "./dom.js";
import { drawingOf } from "./lineage.js";

/** More edges than this are no picture any more. */
const EDGES = 500;

/** All that is told; nothing where no events are kept. */
export async function eventsOf() {
  try {
    return await get("lineage/openlineage/graph");
  } catch (error) {
    // No events are kept here, or not for everybody.
    if (error instanceof Refused && error.status !== 401) return null;
    throw error;
  }
}

/** The part of the lineage's page; nothing without events. */
export function eventsPart(told) {
  if (!told) return null;
  const node = (type, namespace, name) => ({ kind: type === "job" ? "job" : "table", namespace, name });
  // Jobs stand between what they read and write, so the ways past them are left out.
  const all = told.edges
    .filter(({ edge_type: type }) => type !== "derived")
    .map((edge) => ({
      from: node(edge.source_type, edge.source_namespace, edge.source_name),
      to: node(edge.target_type, edge.target_namespace, edge.target_name),
    }));
  if (!all.length) return section("Beyond this registry", h("p", { class: "quiet" }, "No producer of lineage events has told of anything yet."));
  const namespaces = [...new Set(told.nodes.map(({ namespace }) => namespace))].sort();
  const box = h("div");
  const choose = h(
    "select",
    { "aria-label": "Namespace", on: { change: draw } },
    h("option", { value: "" }, "All namespaces"),
    namespaces.map((namespace) => h("option", { value: namespace }, namespace)),
  );
  function draw() {
    const wanted = choose.value;
    const edges = all.filter(({ from, to }) => !wanted || from.namespace === wanted || to.namespace === wanted);
    const picture = edges.length > EDGES
      ? h("p", { class: "quiet" }, `${plural(edges.length, "edge")}, too many to draw; choose a namespace.`)
      : drawingOf({
          edges,
          nodes: edges.flatMap(({ from, to }) => [from, to]),
          key: ({ kind, namespace, name }) => `${kind}\n${namespace}\n${name}`,
          describe: ({ kind, namespace, name }) => ({ style: kind === "job" ? "service" : "source", word: kind === "job" ? "job" : "dataset", title: `${name} of ${namespace}` }),
        });
    replace(box, picture);
  }
  draw();
  return section("Beyond this registry", h("p", { class: "quiet" }, "As producers of OpenLineage events tell it: jobs, and what they read and write."), h("div", { class: "bar" }, choose), box);
}
