"use strict";

// Everything that comes from the server is put into the page as text, never as markup.
function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items || {})}`;
  return Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type || "anything";
}

// What a body may look like: examples and defaults where there are some, what is required, and lists.
function sample(schema) {
  if (schema.example !== undefined) return schema.example;
  if (schema.examples && schema.examples.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.anyOf) return sample(schema.anyOf[0]);
  switch (schema.type) {
    case "object": {
      const required = schema.required || [];
      const fields = Object.entries(schema.properties || {}).filter(([name, field]) => required.includes(name) || field.type === "array");
      return Object.fromEntries(fields.map(([name, field]) => [name, sample(field)]));
    }
    case "array": return [];
    case "string": return "";
    case "boolean": return false;
    case "integer": case "number": return 0;
    default: return null;
  }
}

function table(schema) {
  const required = schema.required || [];
  const rows = Object.entries(schema.properties || {}).map(([name, field]) => element("tr", {},
    element("th", { scope: "row" }, name),
    element("td", {}, typeOf(field) + (required.includes(name) ? ", required" : "")),
    element("td", {}, field.description || "")));
  return element("table", { className: "fields" }, element("tbody", {}, ...rows));
}

function shown(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function route(path, method, operation) {
  const inputs = (operation.parameters || []).map((parameter) => {
    const input = element("input", { placeholder: typeOf(parameter.schema || {}), autocomplete: "off" });
    return { parameter, input };
  });
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  const text = content && JSON.stringify(sample(content.schema), null, 2);
  const body = content && element("textarea", { value: text, rows: Math.min(text.split("\n").length + 1, 16), spellcheck: false });
  const answer = element("div", { ariaLive: "polite" });

  async function send() {
    let address = path;
    const query = new URLSearchParams();
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.set(parameter.name, input.value);
    }
    const asked = query.toString();
    const headers = body ? { "content-type": "application/json" } : {};
    const token = document.getElementById("token").value.trim();
    if (token) headers.authorization = `Bearer ${token}`;
    const begun = performance.now();
    try {
      const response = await fetch(address.slice(1) + (asked && `?${asked}`), { method: method.toUpperCase(), headers, body: body && body.value });
      const received = await response.text();
      const took = (performance.now() - begun).toFixed(1);
      const status = element("p", { className: response.ok ? "status" : "status bad" }, `${response.status} ${response.statusText}, ${took} ms`);
      answer.replaceChildren(status, element("pre", {}, shown(received) || "(nothing)"));
    } catch (error) {
      answer.replaceChildren(element("p", { className: "status bad" }, `The server cannot be reached: ${error.message}`));
    }
  }

  const form = element("form", { onsubmit: (event) => { event.preventDefault(); send(); } },
    ...inputs.map(({ parameter, input }) => element("label", {}, `${parameter.name} `, element("small", {}, parameter.description || ""), input)),
    ...(body ? [table(content.schema), element("label", {}, "Body", body)] : []),
    element("button", { type: "submit" }, "Send"));
  return element("details", { id: operation.operationId },
    element("summary", {}, element("b", {}, method.toUpperCase()), element("code", {}, path)),
    element("div", {}, element("p", { className: "description" }, operation.description || ""), form, answer));
}

async function show() {
  const routes = document.getElementById("routes");
  try {
    const described = await (await fetch("openapi.json")).json();
    document.getElementById("version").textContent = described.info.version;
    const all = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => route(path, method, operation)));
    routes.replaceChildren(...all);
    const chosen = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (chosen) { chosen.open = true; chosen.scrollIntoView(); }
  } catch (error) {
    routes.replaceChildren(element("p", { className: "bad" }, `The server does not say what its routes are: ${error.message}`));
  }
}

show();
