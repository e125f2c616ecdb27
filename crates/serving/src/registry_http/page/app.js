// The page as a whole: its frame, its addresses and its keys.

import { Refused, everything, projects as listProjects, search, useToken } from "./api.js";
import { at, h, link, replace, root } from "./dom.js";
import { detailPage } from "./details.js";
import { eventsOf, eventsPart } from "./events.js";
import { lineagePage } from "./lineage.js";
import { listPage } from "./lists.js";
import { KINDS, Project } from "./model.js";
import { qualityOf } from "./quality.js";
import { rowsOf } from "./rows.js";
import { overviewPage, projectsPage, searchPage } from "./overview.js";

const top = document.getElementById("top");
const sections = document.getElementById("sections");
const content = document.getElementById("content");

/** What was loaded last: the registry's projects, and one project with its objects. */
const loaded = { projects: null, project: null, spec: null };

const ALIASES = { "label-view": "view", "stream-feature-view": "view", "on-demand-feature-view": "view" };
/** What a page shows beside its object. */
const MORE = { view: qualityOf, dataset: rowsOf };
const kindOf = (path) => ALIASES[path] ?? Object.keys(KINDS).find((kind) => KINDS[kind].path === path);

/** The parts of the address after the root, decoded. */
function address() {
  const path = location.pathname.slice(root.length);
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return ["nothing"];
  }
}

let drawn = 0;

/** Draws what the address names. */
async function show({ keepPlace = false, fresh = true } = {}) {
  const turn = (drawn += 1);
  const parts = address();
  content.setAttribute("aria-busy", "true");
  let page;
  let title;
  try {
    if (fresh || !loaded.projects) loaded.projects = await listProjects();
    [page, title] = await pageOf(parts, fresh);
  } catch (error) {
    if (turn !== drawn) return;
    [page, title] = failure(error);
  }
  // Somebody was faster.
  if (turn !== drawn) return;
  content.removeAttribute("aria-busy");
  document.title = title ? `${title} · larder` : "larder";
  drawFrame(parts);
  replace(content, page);
  if (keepPlace) return;
  const anchor = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (anchor) {
    anchor.closest("tr")?.classList.add("marked");
    anchor.scrollIntoView({ block: "center" });
  } else {
    window.scrollTo(0, 0);
    content.querySelector("h1")?.focus({ preventScroll: true });
  }
}

async function pageOf(parts, fresh) {
  if (!parts.length) return [projectsPage(loaded.projects)];
  if (parts[0] === "search") {
    const text = new URLSearchParams(location.search).get("q") ?? "";
    return [searchPage(text, text && (await search(text, []))), text ? `Search: ${text}` : "Search"];
  }
  const [first, name, path, object] = parts;
  if (first !== "p" || !name) return nowhere();
  loaded.spec = loaded.projects.find(({ spec }) => spec?.name === name)?.spec;
  if (!loaded.spec) return [[h("h1", { tabindex: "-1" }, "Not found"), h("p", {}, "There is no project called ", h("b", {}, name), ", or you may not see it.")], "Not found"];
  if (fresh || loaded.project?.name !== name) loaded.project = new Project(name, await everything(name));
  const { project } = loaded;
  if (!path) return [overviewPage(project, loaded.spec), name];
  if (path === "lineage") return [lineagePage(project, eventsPart(await eventsOf())), `Lineage · ${name}`];
  const kind = kindOf(path);
  if (!kind) return nowhere();
  if (object === undefined || kind === "feature") return [listPage(project, kind), `${KINDS[kind].many} · ${name}`];
  const more = project.find(kind, object) ? await MORE[kind]?.(name, object) : null;
  return [detailPage(project, kind, object, more), `${object} · ${name}`];
}

function nowhere() {
  return [[h("h1", { tabindex: "-1" }, "Not found"), h("p", {}, "Nothing is at this address. ", link(at(""), {}, "All projects"))], "Not found"];
}

/** What to say where the server gives no answer, and a way on. */
function failure(error) {
  const again = h("button", { type: "button", on: { click: () => show() } }, "Try again");
  if (error instanceof Refused && error.status === 401) {
    const input = h("input", { type: "password", id: "token", autocomplete: "off", size: 40 });
    const enter = (event) => {
      event.preventDefault();
      useToken(input.value);
      show();
    };
    return [[
      h("h1", { tabindex: "-1" }, "Who are you?"),
      h("p", {}, "This server wants an access token. The page keeps it until you leave."),
      h("form", { class: "bar", on: { submit: enter } }, h("label", { for: "token" }, "Token"), input, h("button", {}, "Enter")),
    ], "Token"];
  }
  if (!(error instanceof Refused)) console.error(error);
  const text = error instanceof Refused ? error.message : "The page cannot make sense of the server's answer.";
  return [[h("h1", { tabindex: "-1" }, "That did not work"), h("p", { role: "alert" }, text), again], "Error"];
}

/** Feast's names first, then what can be done. */
function drawFrame(parts) {
  const name = parts[0] === "p" ? parts[1] : null;
  const known = (loaded.projects ?? []).map(({ spec }) => spec.name);
  const choose = h(
    "select",
    { "aria-label": "Project", on: { change: (event) => go(event.target.value ? at("p", event.target.value) : at("")) } },
    h("option", { value: "" }, "All projects"),
    known.map((project) => h("option", { value: project, selected: project === name }, project)),
  );
  const box = h("input", { type: "search", name: "q", id: "search", placeholder: "Search  /", "aria-label": "Search all projects", autocomplete: "off", value: parts[0] === "search" ? new URLSearchParams(location.search).get("q") : "" });
  const find = (event) => {
    event.preventDefault();
    go(`${at("search")}?${new URLSearchParams({ q: box.value })}`);
  };
  const hadFocus = document.activeElement?.id === "search";
  replace(
    top,
    link(at(""), { class: "brand", "aria-label": "larder: all projects" }, h("img", { src: `${root}/assets/icon.svg`, alt: "", width: 26, height: 26 }), "larder"),
    choose,
    h("form", { role: "search", on: { submit: find } }, box),
    h("button", { type: "button", class: "plain", title: "Light, dark, or as the system says", on: { click: nextTheme } }, themeWord()),
  );
  if (hadFocus) box.focus();
  const project = name && loaded.project?.name === name && loaded.spec ? loaded.project : null;
  sections.hidden = !project;
  if (!project) return;
  const entry = (path, word, count) => link(path ? at("p", name, path) : at("p", name), { "aria-current": (parts[2] ?? "") === path || (kindOf(parts[2]) && kindOf(parts[2]) === kindOf(path)) ? "page" : null }, word, count !== undefined && h("span", { class: "count" }, count));
  replace(
    sections,
    entry("", "Overview"),
    entry("lineage", "Lineage"),
    Object.entries(KINDS).map(([kind, { path, many }]) => entry(path, many, project.list(kind).length)),
  );
}

/** Follows an address of the page. */
function go(href) {
  history.pushState(null, "", href);
  show();
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a");
  if (!anchor || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const href = anchor.getAttribute("href");
  if (!href || href.startsWith("#")) return;
  event.preventDefault();
  go(href);
});
window.addEventListener("popstate", () => show({ fresh: false }));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.focus();
  } else if (event.key === "r") {
    show({ keepPlace: true });
  }
});

const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

function theme() {
  const kept = localStorage.getItem("larder-theme");
  return kept in THEMES ? kept : "auto";
}

const themeWord = () => THEMES[theme()];

function nextTheme(event) {
  const all = Object.keys(THEMES);
  localStorage.setItem("larder-theme", all[(all.indexOf(theme()) + 1) % all.length]);
  document.documentElement.dataset.theme = theme();
  replace(event.target, themeWord());
}

document.documentElement.dataset.theme = theme();
show();
