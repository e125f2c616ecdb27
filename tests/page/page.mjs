// Draws the page of a running `larder ui` in a DOM, address by address, and says what stood there.
//
//   node page.mjs FOLDER-OF-THE-SCRIPTS http://127.0.0.1:8888 < addresses, a line each
//
// Scripts are on in this DOM, and pictures are loaded: what slipped into it as HTML would run.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { JSDOM, ResourceLoader, VirtualConsole } from "jsdom";

const [folder, base] = process.argv.slice(2);

/** Of pictures none can be loaded, so that what waits for their failure runs. */
class NoPictures extends ResourceLoader {
  fetch() {
    return null;
  }
}

const errors = [];
const virtualConsole = new VirtualConsole();
virtualConsole.on("error", (...words) => errors.push(words.join(" ")));
virtualConsole.on("jsdomError", (error) => errors.push(String(error)));

const html = await (await fetch(`${base}/`)).text();
const dom = new JSDOM(html.replace(/<script.*?<\/script>/s, ""), {
  url: `${base}/`,
  runScripts: "dangerously",
  resources: new NoPictures(),
  pretendToBeVisual: true,
  virtualConsole,
});
const { window } = dom;
const { document } = window;
window.scrollTo = () => {};
window.Element.prototype.scrollIntoView = () => {};

// Every way from a text to elements is closed, as the policy of the page closes it in a browser.
for (const [owner, property] of [
  [window.Element.prototype, "innerHTML"],
  [window.Element.prototype, "outerHTML"],
  [window.HTMLIFrameElement.prototype, "srcdoc"],
]) {
  Object.defineProperty(owner, property, { set: () => errors.push(`${property} was set`) });
}
for (const method of ["insertAdjacentHTML"]) window.Element.prototype[method] = () => errors.push(`${method} was called`);
document.write = () => errors.push("document.write was called");

for (const name of ["window", "document", "location", "history", "localStorage", "Node", "URLSearchParams"]) {
  Object.defineProperty(globalThis, name, { value: name === "window" ? window : window[name], configurable: true });
}
const answer = globalThis.fetch;
let waiting = 0;
globalThis.fetch = async (path, options) => {
  waiting += 1;
  try {
    return await answer(new URL(path, base), options);
  } finally {
    waiting -= 1;
  }
};
console.error = (...words) => errors.push(words.join(" "));

const content = document.getElementById("content");
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Waits until the page is drawn. */
async function drawn() {
  for (let tries = 0; tries < 2000; tries += 1) {
    await pause();
    if (!waiting && !content.hasAttribute("aria-busy") && content.querySelector("h1")) return;
  }
  errors.push(`the page at ${window.location} is never drawn`);
}

await import(pathToFileURL(`${folder}/app.js`));
await drawn();

const press = (key, target = document.body) =>
  target.dispatchEvent(new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

/** What stands on the page. */
function seen() {
  const elements = [...document.body.querySelectorAll("*")];
  return {
    address: window.location.pathname + window.location.search,
    title: document.title,
    heading: content.querySelector("h1").textContent,
    text: content.textContent,
    tags: [...new Set(elements.map(({ localName }) => localName))].sort(),
    handlers: elements.flatMap(({ attributes }) => [...attributes].map(({ name }) => name)).filter((name) => name.startsWith("on")),
    links: [...new Set(elements.filter(({ localName }) => localName === "a").map((link) => link.getAttribute("href")))],
    pictures: elements.filter(({ localName }) => localName === "img").map((picture) => picture.getAttribute("src")),
    focus: document.activeElement?.id || document.activeElement?.localName,
    hacked: window.hacked === undefined ? null : String(window.hacked),
  };
}

const acts = {
  /** Follows an address as a link of the page does. */
  async go(href) {
    const link = document.createElement("a");
    link.setAttribute("href", href);
    document.body.append(link);
    link.dispatchEvent(new window.MouseEvent("click", { bubbles: true, cancelable: true, button: 0 }));
    link.remove();
    await drawn();
  },
  async key(key) {
    press(key);
    await pause();
  },
  async search(text) {
    const box = document.getElementById("search");
    box.value = text;
    box.form.dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
    await drawn();
  },
  async filter(text) {
    const box = content.querySelector("input[type=search]");
    box.value = text;
    box.dispatchEvent(new window.Event("input", { bubbles: true }));
    await pause();
  },
  async sort(title) {
    [...content.querySelectorAll("th button")].find((button) => button.textContent === title).click();
    await pause();
  },
  async back() {
    window.history.back();
    await pause();
    await pause();
    await drawn();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [act, ...words] = line.split(" ");
  await acts[act](words.join(" "));
  process.stdout.write(`${JSON.stringify({ act: line, errors: errors.splice(0), ...seen() })}\n`);
}
process.exit(0);
