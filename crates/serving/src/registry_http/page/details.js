// One object, with everything that is known of it.

import { at, badge, facts, h, link, plural, section, since, span, table, tags, time } from "./dom.js";
import { drawing } from "./lineage.js";
import { joined, objectLink, sortBadge, standing } from "./lists.js";
import { KINDS } from "./model.js";
import { qualityPart } from "./quality.js";
import { rowsPart } from "./rows.js";

/** The page of an object, with what was asked for beside it: of a view the metrics of its features, of a dataset its rows. */
export function detailPage(project, kind, name, more) {
  const object = project.find(kind, name);
  if (!object) return missing(project, kind, name);
  const words = KINDS[kind];
  return [
    h(
      "div",
      { class: "heading" },
      h("p", { class: "crumbs" }, link(at("p", project.name, words.path), {}, words.many)),
      h("h1", { tabindex: "-1" }, object.name),
      h("p", { class: "badges" }, kind === "view" ? [sortBadge(object), standing(object)] : badge(object.sort ?? words.one, kind)),
      object.description && h("p", { class: "lead" }, object.description),
    ),
    facts([
      ["Owner", object.owner],
      ["Tags", Object.keys(object.tags).length ? tags(object.tags) : null],
      ...(FACTS[kind]?.(project, object) ?? []),
      ["Created", object.created && time(object.created, { ago: false })],
      ["Changed", object.updated && object.updated !== object.created && time(object.updated, { ago: false })],
    ]),
    ...(PARTS[kind]?.(project, object, more) ?? []),
    kind === "permission" ? null : section("Lineage", drawing(project, { kind, name, entities: kind === "entity" })),
    h("details", { class: "raw" }, h("summary", {}, "As the registry holds it"), h("pre", { tabindex: "0" }, JSON.stringify(object.whole, null, 2))),
  ];
}

function missing(project, kind, name) {
  return [
    h("h1", { tabindex: "-1" }, "Not found"),
    h("p", {}, `Project ${project.name} has no ${KINDS[kind].one} called `, h("b", {}, name), "."),
    h("p", {}, link(at("p", project.name, KINDS[kind].path), {}, `All ${KINDS[kind].many.toLowerCase()}`)),
  ];
}

const FACTS = {
  view: (project, view) => [
    ["Entities", view.entities.length ? joined(view.entities.map((entity) => objectLink(project, "entity", entity))) : view.onDemand ? "none" : "none: one row for all"],
    ["Reads", !view.onDemand && view.inputs.length ? joined(view.inputs.map((input) => objectLink(project, input.kind, input.name))) : null],
    ["Kept online", view.onDemand ? (view.online ? "yes, computed when rows are written" : "no, computed for each request") : view.online ? "yes" : "no"],
    ["Rows count for (ttl)", view.onDemand ? null : span(view.ttl)],
    ["Version", view.version || view.pinned ? `v${view.version}${view.pinned ? `, pinned to ${view.pinned}` : ""}` : null],
    ["State", view.state],
    ["Annotates", objectLink(project, "view", view.annotates)],
    ["Of two labels", view.policy?.toLowerCase().replaceAll("_", " ")],
  ],
  source: (project, source) => [
    ["Event time", source.time && h("code", {}, source.time)],
    ["Created time", source.made && h("code", {}, source.made)],
    ["Rows of", objectLink(project, "source", source.batch)],
    ...Object.entries(source.options)
      .filter(([, value]) => typeof value === "string")
      .map(([key, value]) => [key.replace(/([A-Z])/g, " $1").replace(/^./, (letter) => letter.toUpperCase()), h("code", { class: "path" }, value)]),
    ["Columns renamed", Object.keys(source.mapping).length ? joined(Object.entries(source.mapping).map(([from, to]) => h("code", {}, `${from} → ${to}`))) : null],
  ],
  entity: (_, entity) => [
    ["Join key", h("code", {}, entity.key)],
    ["Type", entity.type && h("code", {}, entity.type)],
  ],
  service: (_, service) => [
    ["Answers logged", service.logging && `a share of ${service.logging.sampleRate ?? 0}`],
    ["Precomputed", service.precomputed && "yes"],
  ],
  dataset: (project, dataset) => [
    ["From", objectLink(project, "service", dataset.service)],
    ["Where", [dataset.storage, " ", h("code", { class: "path" }, dataset.place)]],
    ["Join keys", dataset.keys.length ? joined(dataset.keys.map((key) => h("code", {}, key))) : null],
    ["Event times", dataset.from && [time(dataset.from, { ago: false }), " to ", time(dataset.to, { ago: false })]],
    ["Group", dataset.group],
  ],
  permission: (_, permission) => [
    ["Lets", permission.who.length ? [`${permission.policy}: `, joined(permission.who.map(({ kind, name }) => [h("b", {}, name), permission.policy.includes("combined") ? ` (${kind})` : ""]))] : "everybody"],
    ["Do", permission.actions.map((action) => badge(action, "action"))],
    ["With", permission.types.join(", ") || "everything"],
    ["Called", permission.patterns.length ? joined(permission.patterns.map((pattern) => h("code", {}, pattern))) : "anything"],
    ["Tagged", Object.keys(permission.required).length ? tags(permission.required) : null],
  ],
};

const PARTS = {
  view: (project, view, metrics) => [
    section(plural(view.features.length, "feature"), view.features.length ? columns(view.features, "feature") : h("p", { class: "quiet" }, "None.")),
    qualityPart(metrics),
    section("Join keys", view.keys.length ? columns(view.keys) : null),
    view.onDemand ? section("Inputs", view.inputs.map((input) => inputPart(project, input))) : null,
    transformation(view),
    view.onDemand && !view.intervals.length ? null : materializations(view),
    usedBy(project, [
      ["Feature services", "service", project.services.filter(({ projections }) => projections.some((projection) => projection.view === view.name))],
      ["On-demand views", "view", project.views.filter(({ inputs }) => inputs.some((input) => input.kind === "view" && input.name === view.name))],
      ["Saved datasets", "dataset", project.datasets.filter(({ views }) => views.includes(view.name))],
    ]),
  ],
  source: (project, source) => [
    section("Fields of a request", source.fields.length ? columns(source.fields) : null),
    usedBy(project, [
      ["Views", "view", project.views.filter(({ inputs }) => inputs.some((input) => input.kind === "source" && input.name === source.name))],
      ["Sources", "source", project.sources.filter(({ batch, name }) => batch === source.name && name !== source.name)],
    ]),
  ],
  entity: (project, entity) => [
    usedBy(project, [["Views", "view", project.views.filter(({ entities }) => entities.includes(entity.name))]]),
  ],
  service: (project, service) => [
    section(
      "Features",
      service.projections.length
        ? service.projections.map((projection) => [
            h("h3", {}, objectLink(project, "view", projection.view), projection.alias && ` as ${projection.alias}`),
            Object.keys(projection.mapping).length > 0 && h("p", { class: "quiet" }, "Join keys: ", joined(Object.entries(projection.mapping).map(([from, to]) => h("code", {}, `${from} → ${to}`)))),
            columns(projection.columns),
          ])
        : h("p", { class: "quiet" }, "None."),
    ),
    usedBy(project, [["Saved datasets", "dataset", project.datasets.filter((dataset) => dataset.service === service.name)]]),
  ],
  dataset: (project, dataset, rows) => [
    rowsPart(rows),
    section(
      "Features",
      dataset.references.length
        ? h("ul", { class: "plain" }, dataset.references.map((reference) => {
            const [view] = reference.split(":");
            return h("li", {}, objectLink(project, "view", view.replace(/@.*$/, ""), reference));
          }))
        : null,
    ),
  ],
};

/** Columns with their types. */
function columns(fields, anchor) {
  const cells = [
    { title: "Name", cell: ({ name }) => h("code", { id: anchor && `${anchor}-${name}` }, name), sort: ({ name }) => name },
    { title: "Type", cell: ({ type }) => h("code", { class: "type" }, type), sort: ({ type }) => type },
  ];
  if (fields.some(({ description }) => description)) cells.push({ title: "Description", cell: ({ description }) => description });
  if (fields.some((field) => Object.keys(field.tags ?? {}).length)) cells.push({ title: "Tags", cell: (field) => tags(field.tags) });
  return table(cells, fields, { filter: fields.length > 12, noun: "column" });
}

function inputPart(project, input) {
  const words = input.request ? ["Request data ", objectLink(project, "source", input.name)] : ["View ", objectLink(project, "view", input.name)];
  return [h("h3", {}, words), input.fields.length ? columns(input.fields) : h("p", { class: "quiet" }, "All of it.")];
}

function transformation(view) {
  const { component, python } = view;
  if (component) {
    return section(
      "Transformation",
      facts([
        ["Component", h("code", { class: "path" }, component.digest)],
        ["Function", component.function && h("code", {}, component.function)],
        ...component.limits.map(([name, value]) => [`At most, ${name}`, value]),
      ]),
    );
  }
  if (!python) return null;
  const note = view.onDemand
    ? "larder runs no Python: the view waits for its component (larder udf bind)."
    : "The function makes what is materialized, in the engine that runs it; larder does not run it.";
  return section("Transformation", h("p", { class: "quiet" }, note), h("pre", { tabindex: "0", class: "code" }, python.text));
}

function materializations(view) {
  if (!view.online) return null;
  if (!view.intervals.length) return section("Materialized", h("p", { class: "quiet" }, "Never."));
  const newest = [...view.intervals].sort((one, other) => other.end.localeCompare(one.end));
  return section(
    "Materialized",
    h("p", {}, "The newest rows are of ", time(view.fresh, { ago: false }), ", ", since(new Date(view.fresh)), "."),
    table(
      [
        { title: "From", cell: ({ start }) => time(start, { ago: false }), sort: ({ start }) => start },
        { title: "To", cell: ({ end }) => time(end, { ago: false }), sort: ({ end }) => end },
      ],
      newest,
      { noun: "interval" },
    ),
  );
}

function usedBy(project, groups) {
  const held = groups.filter(([, , objects]) => objects.length);
  if (!held.length) return section("Used by", h("p", { class: "quiet" }, "Nothing in this project."));
  return section("Used by", facts(held.map(([title, kind, objects]) => [title, joined(objects.map(({ name }) => objectLink(project, kind, name)))])));
}
