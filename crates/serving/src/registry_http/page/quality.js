// What the values of a view's features look like: the metrics that were computed last, beside the first ones.

import { Refused, get } from "./api.js";
import { h, s, section, table, time } from "./dom.js";

/** Of metrics that were computed at once, those of a week are shown first. */
const GRANULARITIES = ["weekly", "daily", "biweekly", "monthly", "quarterly", "baseline"];

const SOURCES = { batch: "In its source", log: "As served" };

/** The metrics of a view that are shown; none where they are not to be had. */
export async function qualityOf(project, view) {
  try {
    const asked = { project, feature_view_name: view };
    const spans = await get("monitoring/metrics/feature_views", asked);
    if (!spans.length) return [];
    const first = await get("monitoring/metrics/baseline", asked);
    const shown = Object.keys(SOURCES).map((source) => latest(spans.filter((row) => row.data_source_type === source)));
    return await Promise.all(
      shown.filter(Boolean).map(async (span) => {
        const { metric_date: day, granularity, data_source_type } = span;
        const features = await get("monitoring/metrics/features", { ...asked, granularity, data_source_type, start_date: day, end_date: day });
        // What is served is compared with what it was made of.
        return { span, features, first: granularity === "baseline" ? [] : first.filter((row) => row.data_source_type === "batch") };
      }),
    );
  } catch (error) {
    // Monitoring is not enabled, or not for everybody.
    if (error instanceof Refused && error.status !== 401) return [];
    throw error;
  }
}

function latest(spans) {
  const place = ({ granularity }) => GRANULARITIES.indexOf(granularity);
  const order = (one, other) => other.computed_at.localeCompare(one.computed_at) || place(one) - place(other);
  return [...spans].sort(order)[0];
}

/** The part of a view's page; nothing without metrics. */
export function qualityPart(metrics) {
  return (metrics ?? []).map(({ span, features, first }) =>
    section(
      `${SOURCES[span.data_source_type]}: what the values look like`,
      h(
        "p",
        { class: "quiet" },
        span.granularity === "baseline" ? "Of all rows that there were" : [span.granularity.replace(/^./, (letter) => letter.toUpperCase()), " from ", span.metric_date],
        ", computed ",
        time(span.computed_at),
        first.length ? ". In brackets: when they were new." : ".",
      ),
      table(
        [
          { title: "Feature", cell: ({ feature_name: name }) => h("code", {}, name), sort: ({ feature_name: name }) => name },
          { title: "Rows", cell: ({ row_count: rows }) => whole(rows), sort: (row) => row.row_count, number: true },
          { title: "Null", cell: (row) => beside(row, first, ({ null_rate: rate }) => percent(rate)), sort: (row) => row.null_rate, number: true },
          { title: "Mean", cell: (row) => beside(row, first, ({ mean }) => number(mean)), sort: (row) => row.mean ?? -Infinity, number: true },
          { title: "Deviation", cell: (row) => beside(row, first, ({ stddev }) => number(stddev)), sort: (row) => row.stddev ?? -Infinity, number: true },
          { title: "Median", cell: (row) => beside(row, first, ({ p50 }) => number(p50)), sort: (row) => row.p50 ?? -Infinity, number: true },
          { title: "Values", cell: shape },
        ],
        features,
        { noun: "feature", filter: features.length > 12 },
      ),
    ),
  );
}

/** A value, and what it was at first where that looks different. */
function beside(row, first, show) {
  const before = first.find(({ feature_name: name }) => name === row.feature_name);
  const [now, then] = [show(row), before && show(before)];
  return then && then !== now ? [now, h("span", { class: "quiet" }, ` (${then})`)] : now;
}

const whole = (count) => (count ?? 0).toLocaleString("en");
const percent = (share) => (typeof share === "number" ? `${(share * 100).toFixed(share && share < 0.001 ? 3 : 1)}\u00a0%` : "");
const number = (value) => (typeof value === "number" ? String(Number(value.toPrecision(5))) : "");

/** How the values are spread: bars of numbers, or the most frequent words. */
function shape({ row_count: rows, null_count: nulls, min_val: least, max_val: greatest, histogram }) {
  if (!histogram) return h("span", { class: "quiet" }, "–");
  if (histogram.values) {
    const words = histogram.values.slice(0, 3).map(({ value, count }) => [h("q", {}, short(String(value))), ` ${percent(count / (rows - nulls))}`]);
    const about = histogram.unique_count_is_estimate ? "about " : "";
    return [words.map((word, place) => [place ? ", " : "", word]), h("span", { class: "quiet" }, `; ${about}${whole(histogram.unique_count)} different`)];
  }
  const counts = histogram.counts ?? [];
  const most = Math.max(1, ...counts);
  const height = 24;
  return h(
    "span",
    { class: "spread" },
    h("span", { class: "quiet" }, number(least)),
    s(
      "svg",
      { class: "bars", viewBox: `0 0 ${counts.length * 4} ${height}`, role: "img", "aria-label": `from ${number(least)} to ${number(greatest)}` },
      counts.map((count, bin) => {
        const tall = (height * count) / most;
        return s("rect", { x: bin * 4, y: height - tall, width: 3, height: tall }, s("title", {}, `${number(histogram.bins?.[bin])} to ${number(histogram.bins?.[bin + 1])}: ${whole(count)}`));
      }),
    ),
    h("span", { class: "quiet" }, number(greatest)),
  );
}

const short = (word) => (word.length > 24 ? `${word.slice(0, 23)}…` : word);
