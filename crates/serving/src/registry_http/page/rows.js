// The first rows of a saved dataset.

import { Refused, get } from "./api.js";
import { h, plural, section, table } from "./dom.js";

const LIMIT = 20;

/** Some rows; or the server's words, where they are not to be had. */
export async function rowsOf(project, dataset) {
  try {
    return await get(`saved_datasets/data/${encodeURIComponent(dataset)}`, { project, limit: LIMIT });
  } catch (error) {
    if (error instanceof Refused && error.status !== 401) return { refused: error.message };
    throw error;
  }
}

/** The part of a dataset's page. */
export function rowsPart(found) {
  if (!found) return null;
  if (found.refused) return section("Rows", h("p", { class: "quiet" }, found.refused));
  const { columns, rows, total_rows: total } = found;
  const numbers = columns.filter((name) => rows.some((row) => typeof row[name] === "number"));
  const cell = (name) => ({
    title: name,
    cell: (row) => shown(row[name]),
    number: numbers.includes(name),
  });
  return section(
    total > rows.length ? `The first ${rows.length} of ${plural(total, "row")}` : plural(total, "row"),
    table(columns.map(cell), rows, { filter: false, empty: "None." }),
  );
}

function shown(value) {
  if (value === null) return h("span", { class: "quiet" }, "null");
  return typeof value === "object" ? h("code", {}, JSON.stringify(value)) : String(value);
}
