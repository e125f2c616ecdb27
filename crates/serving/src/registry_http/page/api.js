// The registry's routes. Where a server wants to know who asks, the token is held in memory alone.

import { root } from "./dom.js";

let token = null;

/** An answer that is none: its status, and the server's words. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function useToken(text) {
  token = text.trim().replace(/^bearer\s+/i, "") || null;
}

/** What a route answers. */
export async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(`${root}/api/v1/${path}${query && `?${query}`}`, { headers });
  } catch {
    throw new Refused(0, "The server does not answer. Is it still running?");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, body.detail ?? `The server answered with ${response.status}.`);
  return body;
}

/** Every page of a list. */
async function all(path, key, parameters) {
  const found = [];
  for (let page = 1; ; page += 1) {
    const answer = await get(path, { ...parameters, page, limit: 100 });
    found.push(...(answer[key] ?? []));
    if (!answer.pagination?.hasNext) return found;
  }
}

export const projects = () => all("projects", "projects", { sort_by: "name" });

/** Everything of a project in two requests. */
export async function everything(project) {
  const [complete, permissions] = await Promise.all([
    get("lineage/complete", { project }),
    all("permissions", "permissions", { project }),
  ]);
  return { ...complete.objects, permissions };
}

export const search = (query, projects) =>
  get("search", [["query", query], ["limit", 100], ...projects.map((project) => ["projects", project])]);
