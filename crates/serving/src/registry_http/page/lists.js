// The lists, one for each kind of objects.

import { at, badge, h, link, plural, table, tags, time } from "./dom.js";
import { KINDS } from "./model.js";

/** A link to an object, if the project has it; else its name alone. */
export function objectLink(project, kind, name, text = name) {
  if (!name) return null;
  return project.find(kind, name)
    ? link(at("p", project.name, KINDS[kind].path, name), {}, text)
    : h("span", { class: "missing", title: "not in the registry" }, text);
}

/** Names with commas between them. */
export function joined(items) {
  return items.flatMap((item, index) => (index ? [", ", item] : [item]));
}

export const sortBadge = (view) => badge(view.sort, view.onDemand ? "on-demand" : "view");

/** What can be told of a view at a glance: that it waits for something, is off, or is too old. */
export function standing(view) {
  if (!view.enabled) return badge("disabled", "off");
  if (view.onDemand) {
    if (view.component) return badge("component", "good");
    return view.python ? badge("needs a component", "warn") : badge("aggregations", "off");
  }
  if (!view.online) return badge("offline only", "off");
  if (!view.fresh) return badge("never materialized", "warn");
  const age = (Date.now() - new Date(view.fresh)) / 1000;
  const ttl = Number.parseFloat(view.ttl ?? "0");
  return ttl && age > ttl ? badge("older than its ttl", "warn") : badge(view.state || "materialized", "good");
}

const name = (project) => ({
  title: "Name",
  cell: (object) => [
    objectLink(project, object.kind, object.name),
    object.description && h("p", { class: "note" }, object.description),
  ],
  sort: ({ name }) => name,
});
const labels = { title: "Tags", cell: (object) => tags(object.tags), sort: ({ tags }) => JSON.stringify(tags) };
const owner = { title: "Owner", cell: (object) => object.owner || quiet(), sort: ({ owner }) => owner };
const changed = { title: "Changed", cell: ({ updated }) => time(updated), sort: ({ updated }) => updated ?? "" };
const quiet = () => h("span", { class: "quiet" }, "–");

/** Columns that no object fills are left out. */
const used = (rows, columns) => columns.filter(({ filled }) => !filled || rows.some(filled));

const COLUMNS = {
  view: (project) => [
    name(project),
    { title: "Kind", cell: sortBadge, sort: ({ sort }) => sort },
    {
      title: "Entities",
      cell: ({ entities }) => (entities.length ? joined(entities.map((entity) => objectLink(project, "entity", entity))) : quiet()),
      sort: ({ entities }) => entities.join(),
    },
    { title: "Features", number: true, cell: ({ features }) => features.length, sort: ({ features }) => features.length },
    {
      title: "Reads",
      cell: ({ inputs }) => (inputs.length ? joined(inputs.map((input) => objectLink(project, input.kind, input.name))) : quiet()),
      sort: ({ inputs }) => inputs.map(({ name }) => name).join(),
    },
    { title: "Newest", cell: (view) => (view.onDemand && !view.fresh ? h("span", { class: "quiet" }, "per request") : time(view.fresh)), sort: ({ fresh }) => fresh ?? "" },
    { title: "Standing", cell: standing, sort: (view) => standing(view).textContent },
    { ...labels, filled: (view) => Object.keys(view.tags).length },
    { ...owner, filled: (view) => view.owner },
  ],
  feature: (project) => [
    {
      title: "Name",
      cell: ({ name, description, view }) => [
        link(`${at("p", project.name, KINDS.view.path, view.name)}#feature-${encodeURIComponent(name)}`, {}, name),
        description && h("p", { class: "note" }, description),
      ],
      sort: ({ name }) => name,
    },
    { title: "Type", cell: ({ type }) => h("code", {}, type), sort: ({ type }) => type },
    { title: "View", cell: ({ view }) => objectLink(project, "view", view.name), sort: ({ view }) => view.name },
    { title: "Kind", cell: ({ view }) => sortBadge(view), sort: ({ view }) => view.sort },
    { ...labels, filled: (feature) => Object.keys(feature.tags).length },
  ],
  service: (project) => [
    name(project),
    {
      title: "Views",
      cell: ({ projections }) => (projections.length ? joined(projections.map(({ view }) => objectLink(project, "view", view))) : quiet()),
      sort: ({ projections }) => projections.map(({ view }) => view).join(),
    },
    { title: "Features", number: true, cell: ({ projections }) => countColumns(projections), sort: ({ projections }) => countColumns(projections) },
    { ...labels, filled: (service) => Object.keys(service.tags).length },
    { ...owner, filled: (service) => service.owner },
    changed,
  ],
  source: (project) => [
    name(project),
    { title: "Kind", cell: ({ sort }) => badge(sort, "source"), sort: ({ sort }) => sort },
    {
      title: "Where",
      cell: (source) => (source.batch ? ["rows of ", objectLink(project, "source", source.batch)] : source.fields.length ? plural(source.fields.length, "field") : h("code", { class: "path" }, source.place || "–")),
      sort: ({ place }) => place,
    },
    { title: "Event time", cell: ({ time }) => (time ? h("code", {}, time) : quiet()), sort: ({ time }) => time ?? "" },
    { ...labels, filled: (source) => Object.keys(source.tags).length },
    { ...owner, filled: (source) => source.owner },
    changed,
  ],
  entity: (project) => [
    name(project),
    { title: "Join key", cell: ({ key }) => h("code", {}, key), sort: ({ key }) => key },
    { title: "Type", cell: ({ type }) => (type ? h("code", {}, type) : quiet()), sort: ({ type }) => type },
    {
      title: "Views",
      number: true,
      cell: ({ name }) => project.views.filter(({ entities }) => entities.includes(name)).length,
      sort: ({ name }) => project.views.filter(({ entities }) => entities.includes(name)).length,
    },
    { ...labels, filled: (entity) => Object.keys(entity.tags).length },
    { ...owner, filled: (entity) => entity.owner },
    changed,
  ],
  dataset: (project) => [
    name(project),
    { title: "From", cell: (dataset) => objectLink(project, "service", dataset.service) ?? quiet(), sort: ({ service }) => service },
    { title: "Features", number: true, cell: ({ references }) => references.length, sort: ({ references }) => references.length },
    { title: "Where", cell: ({ storage, place }) => [badge(storage || "unknown", "dataset"), " ", h("code", { class: "path" }, place)], sort: ({ place }) => place },
    { title: "Group", cell: ({ group }) => group || quiet(), sort: ({ group }) => group, filled: ({ group }) => group },
    { ...labels, filled: (dataset) => Object.keys(dataset.tags).length },
    { title: "Made", cell: ({ created }) => time(created), sort: ({ created }) => created ?? "" },
  ],
  permission: (project) => [
    name(project),
    { title: "Lets", cell: (permission) => (permission.who.length ? [`${permission.policy}: `, joined(permission.who.map(({ name }) => h("b", {}, name)))] : "everybody"), sort: ({ policy }) => policy },
    { title: "Do", cell: ({ actions }) => actions.map((action) => badge(action, "action")), sort: ({ actions }) => actions.join() },
    { title: "With", cell: ({ types }) => types.join(", ") || "everything", sort: ({ types }) => types.join() },
    { title: "Called", cell: ({ patterns }) => (patterns.length ? joined(patterns.map((pattern) => h("code", {}, pattern))) : "anything"), sort: ({ patterns }) => patterns.join() },
    { title: "Tagged", cell: ({ required }) => tags(required), filled: ({ required }) => Object.keys(required).length },
  ],
};

const countColumns = (projections) => projections.reduce((count, { columns }) => count + columns.length, 0);

const EMPTY = {
  permission: "There are no permissions: whoever reaches the server may do everything, or with auth whoever has a token.",
};

/** The page of a kind. */
export function listPage(project, kind) {
  const rows = project.list(kind);
  const words = KINDS[kind];
  return [
    h("h1", { tabindex: "-1" }, words.many),
    table(used(rows, COLUMNS[kind](project)), rows, {
      noun: words.one,
      empty: EMPTY[kind] ?? `This project has no ${words.many.toLowerCase()}.`,
    }),
  ];
}
