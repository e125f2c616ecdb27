// The projects, one project at a glance, and what a search finds.

import { at, badge, h, link, plural, section, table, tags, time } from "./dom.js";
import { objectLink, sortBadge, standing } from "./lists.js";
import { KINDS } from "./model.js";

/** All projects. */
export function projectsPage(projects) {
  if (!projects.length) {
    return [h("h1", { tabindex: "-1" }, "No projects"), h("p", {}, "The registry is empty, or holds nothing that you may see. ", h("code", {}, "larder apply"), " registers the definitions of a feature repo.")];
  }
  return [
    h("h1", { tabindex: "-1" }, "Projects"),
    h("ul", { class: "cards" }, projects.map(({ spec = {}, meta }) => h(
      "li",
      {},
      h("h2", {}, link(at("p", spec.name), {}, spec.name)),
      spec.description && h("p", {}, spec.description),
      Object.keys(spec.tags ?? {}).length > 0 && h("p", {}, tags(spec.tags)),
      h("p", { class: "quiet" }, spec.owner && `${spec.owner} · `, "since ", time(meta?.createdTimestamp)),
    ))),
  ];
}

/** One project: how much of what, how fresh, and what changed last. */
export function overviewPage(project, spec) {
  const tiles = ["view", "feature", "service", "source", "entity", "dataset", "permission"].map((kind) => {
    const count = project.list(kind).length;
    return link(at("p", project.name, KINDS[kind].path), { class: `tile ${kind}` }, h("b", {}, count.toLocaleString("en")), h("span", {}, count === 1 ? KINDS[kind].one : KINDS[kind].many.toLowerCase()));
  });
  const stored = project.views.filter((view) => !view.onDemand && view.online);
  const computed = project.views.filter((view) => view.onDemand);
  return [
    h("h1", { tabindex: "-1" }, project.name),
    spec?.description && h("p", { class: "lead" }, spec.description),
    h("div", { class: "tiles" }, tiles),
    section("Freshness", stored.length
      ? table(
          [
            { title: "View", cell: ({ name }) => objectLink(project, "view", name), sort: ({ name }) => name },
            { title: "Newest rows", cell: ({ fresh }) => time(fresh), sort: ({ fresh }) => fresh ?? "" },
            { title: "Runs", number: true, cell: ({ intervals }) => intervals.length, sort: ({ intervals }) => intervals.length },
            { title: "Standing", cell: standing, sort: (view) => standing(view).textContent },
          ],
          stored,
          { noun: "view", filter: stored.length > 12 },
        )
      : h("p", { class: "quiet" }, "No view is kept online.")),
    section("Transformations", computed.length
      ? table(
          [
            { title: "View", cell: ({ name }) => objectLink(project, "view", name), sort: ({ name }) => name },
            { title: "Component", cell: ({ component }) => (component ? h("code", { title: component.digest }, component.digest.slice(0, 12)) : badge("none", "warn")), sort: ({ component }) => component?.digest ?? "" },
            { title: "Function", cell: ({ component }) => (component?.function ? h("code", {}, component.function) : h("span", { class: "quiet" }, "–")) },
            { title: "Computed", cell: ({ online }) => (online ? "when rows are written" : "for each request") },
          ],
          computed,
          { noun: "view", filter: computed.length > 12 },
        )
      : null),
    section("Changed last", changedLast(project)),
  ];
}

function changedLast(project) {
  const kinds = ["view", "service", "source", "entity", "dataset", "permission"];
  const all = kinds.flatMap((kind) => project.list(kind)).filter(({ updated }) => updated);
  const newest = all.sort((one, other) => other.updated.localeCompare(one.updated)).slice(0, 8);
  return newest.length
    ? h("ul", { class: "plain changes" }, newest.map((object) => h("li", {}, objectLink(project, object.kind, object.name), " ", object.kind === "view" ? sortBadge(object) : badge(KINDS[object.kind].one, object.kind), " ", time(object.updated))))
    : h("p", { class: "quiet" }, "Nothing yet.");
}

const FOUND = { entity: "entity", dataSource: "source", featureView: "view", labelView: "view", feature: "feature", label: "feature", featureService: "service", savedDataset: "dataset" };

/** What a search finds, best first. */
export function searchPage(text, answer) {
  const results = (answer?.results ?? []).filter(unique());
  return [
    h("h1", { tabindex: "-1" }, text ? [`Search: `, h("q", {}, text)] : "Search"),
    !text
      ? h("p", { class: "quiet" }, "Type what you look for into the box above; / puts you there.")
      : h("p", { role: "status" }, results.length ? plural(results.length, "result") : "Nothing is called or described so.", answer?.pagination?.hasNext && ", and more"),
    h("ol", { class: "results" }, results.map((result) => h(
      "li",
      {},
      link(addressOf(result), {}, result.name),
      " ",
      badge(KINDS[FOUND[result.type]]?.one ?? result.type, FOUND[result.type]),
      h("span", { class: "quiet" }, ` in ${result.project}`, (result.featureView ?? result.labelView) && `, ${result.featureView ?? result.labelView}`),
      result.description && h("p", { class: "note" }, result.description),
      Object.keys(result.matched_tags ?? {}).length > 0 && tags(result.matched_tags),
    ))),
  ];
}

/** Labels are found as features too. */
function unique() {
  const seen = new Set();
  return ({ type, name, project, featureView, labelView }) => {
    const key = [FOUND[type], name, project, featureView ?? labelView].join("\n");
    return !seen.has(key) && seen.add(key);
  };
}

function addressOf(result) {
  const kind = FOUND[result.type];
  const view = result.featureView ?? result.labelView;
  if (kind === "feature") return `${at("p", result.project, KINDS.view.path, view)}#feature-${encodeURIComponent(result.name)}`;
  return at("p", result.project, KINDS[kind].path, result.name);
}
