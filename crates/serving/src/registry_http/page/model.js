// What the routes answer, as the page speaks of it: objects, what they read and what reads them.

/** The kinds of objects: their place in addresses, which is Feast's, and their words. */
export const KINDS = {
  view: { path: "feature-view", one: "feature view", many: "Feature views" },
  feature: { path: "features", one: "feature", many: "Features" },
  service: { path: "feature-service", one: "feature service", many: "Feature services" },
  source: { path: "data-source", one: "data source", many: "Data sources" },
  entity: { path: "entity", one: "entity", many: "Entities" },
  dataset: { path: "data-set", one: "saved dataset", many: "Saved datasets" },
  permission: { path: "permissions", one: "permission", many: "Permissions" },
};

const VIEW_KINDS = {
  featureView: "feature view",
  streamFeatureView: "stream view",
  onDemandFeatureView: "on-demand view",
  labelView: "label view",
};

/** The entity of views that have none. */
const NO_ENTITY = "__dummy";
const OWN = "larder.dev/";

const SCALARS = { DOUBLE: "Float64", FLOAT: "Float32", UNIX_TIMESTAMP: "UnixTimestamp" };

/** `FLOAT_LIST` as `Array(Float32)`. */
export function typeName(registered = "") {
  const nested = /^(.*)_(LIST|SET)$/.exec(registered);
  if (nested) return `${nested[2] === "LIST" ? "Array" : "Set"}(${typeName(nested[1])})`;
  return SCALARS[registered] ?? registered.charAt(0) + registered.slice(1).toLowerCase();
}

const readable = (tags) => Object.fromEntries(Object.entries(tags ?? {}).filter(([key]) => !key.startsWith(OWN)));

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A project with all its objects. */
export class Project {
  constructor(name, objects) {
    this.name = name;
    const types = new Map();
    for (const feature of [...(objects.features ?? []), ...(objects.labels ?? [])]) {
      types.set(`${feature.featureView}\n${feature.name}`, feature.type);
    }
    const views = (objects.featureViews ?? []).flatMap((wrapped) => Object.entries(wrapped));
    const labels = (objects.labelViews ?? []).map((view) => ["labelView", view]);
    this.views = [...views, ...labels].filter(([kind]) => kind in VIEW_KINDS).map(([kind, view]) => makeView(kind, view, types));
    this.sources = (objects.dataSources ?? []).map(makeSource);
    this.entities = (objects.entities ?? []).map(makeEntity).filter(({ name }) => name !== NO_ENTITY);
    this.services = (objects.featureServices ?? []).map(makeService);
    this.datasets = (objects.savedDatasets ?? []).map(makeDataset);
    this.permissions = (objects.permissions ?? []).map(makePermission);
    for (const view of this.views) if (view.onDemand) view.entities = this.#entitiesOf(view, new Set());
    this.features = this.views.flatMap((view) => view.features.map((feature) => ({ ...feature, view })));
  }

  /** An on-demand view has the entities of the views that it reads. */
  #entitiesOf(view, path) {
    if (!view.onDemand || path.has(view.name)) return view.entities;
    path.add(view.name);
    const read = view.inputs.filter(({ kind }) => kind === "view").map(({ name }) => this.views.find((other) => other.name === name));
    return [...new Set(read.filter(Boolean).flatMap((other) => this.#entitiesOf(other, path)))];
  }

  list(kind) {
    return {
      view: this.views,
      feature: this.features,
      service: this.services,
      source: this.sources,
      entity: this.entities,
      dataset: this.datasets,
      permission: this.permissions,
    }[kind];
  }

  find(kind, name) {
    return this.list(kind).find((object) => object.name === name);
  }

  /** Who feeds whom: `[{from, to}]` of `{kind, name}`. Objects that others name need not be there. */
  edges({ entities = false } = {}) {
    const edges = [];
    const add = (fromKind, from, toKind, to) =>
      edges.push({ from: { kind: fromKind, name: from }, to: { kind: toKind, name: to } });
    for (const source of this.sources) {
      if (source.batch && source.batch !== source.name) add("source", source.batch, "source", source.name);
    }
    for (const view of this.views) {
      for (const input of view.inputs) add(input.kind, input.name, "view", view.name);
      if (entities) for (const entity of view.entities) add("entity", entity, "view", view.name);
    }
    for (const service of this.services) {
      for (const { view } of service.projections) add("view", view, "service", service.name);
    }
    for (const dataset of this.datasets) {
      if (dataset.service) add("service", dataset.service, "dataset", dataset.name);
      else for (const view of dataset.views) add("view", view, "dataset", dataset.name);
    }
    const seen = new Set();
    return edges.filter(({ from, to }) => {
      const key = [from.kind, from.name, to.kind, to.name].join("\n");
      return !seen.has(key) && seen.add(key);
    });
  }
}

function base(kind, spec, meta, whole) {
  return {
    kind,
    name: spec.name ?? "",
    description: spec.description ?? "",
    owner: spec.owner ?? "",
    tags: readable(spec.tags),
    created: meta?.createdTimestamp,
    updated: meta?.lastUpdatedTimestamp ?? meta?.createdTimestamp,
    whole,
  };
}

const column = ({ name = "", valueType, description = "", tags }) => ({
  name,
  type: typeName(valueType),
  description,
  tags: readable(tags),
});

function makeView(kind, view, types) {
  const { spec = {}, meta = {} } = view;
  const own = spec.tags ?? {};
  const intervals = (meta.materializationIntervals ?? []).map(({ startTime, endTime }) => ({ start: startTime, end: endTime }));
  const ends = intervals.map(({ end }) => end).sort();
  const name = spec.name ?? "";
  return {
    ...base("view", spec, meta, view),
    sort: VIEW_KINDS[kind],
    onDemand: kind === "onDemandFeatureView",
    entities: (spec.entities ?? []).filter((entity) => entity !== NO_ENTITY),
    keys: (spec.entityColumns ?? []).filter(({ name }) => name !== "__dummy_id").map(column),
    features: (spec.features ?? []).map((feature) => ({ ...column(feature), type: types.get(`${name}\n${feature.name}`) ?? typeName(feature.valueType) })),
    inputs: inputsOf(kind, spec),
    ttl: spec.ttl,
    online: kind === "onDemandFeatureView" ? spec.writeToOnlineStore === true : spec.online === true,
    enabled: spec.disabled !== true,
    state: (meta.state ?? "").toLowerCase().replaceAll("_", " "),
    version: meta.currentVersionNumber ?? 0,
    pinned: spec.version && spec.version !== "latest" ? spec.version : "",
    intervals,
    fresh: ends.at(-1) ?? null,
    component: own[`${OWN}wasm-component`] ? componentOf(own) : null,
    python: pythonOf(spec),
    policy: kind === "labelView" ? (spec.conflictPolicy ?? "LAST_WRITE_WINS") : null,
    annotates: spec.referenceFeatureView,
  };
}

/** What a view reads: sources, other views, and request data with its fields. */
function inputsOf(kind, spec) {
  if (kind === "onDemandFeatureView") {
    const inherited = new Set(json(spec.tags?.[`${OWN}inherited-sources`]) ?? []);
    const own = Object.entries(spec.sources ?? {}).filter(([key]) => !inherited.has(key));
    const direct = own.map(([key, { requestDataSource, featureViewProjection }]) => {
      if (requestDataSource) {
        const fields = (requestDataSource.requestDataOptions?.schema ?? []).map(column);
        return { kind: "source", name: requestDataSource.name ?? key, request: true, fields };
      }
      const projection = featureViewProjection ?? {};
      return { kind: "view", name: projection.featureViewName ?? key, fields: (projection.featureColumns ?? []).map(column) };
    });
    const chained = json(spec.tags?.[`${OWN}on-demand-sources`]) ?? [];
    return [
      ...direct,
      ...chained.map(({ view, features = [] }) => ({
        kind: "view",
        name: String(view),
        fields: features.map(({ name, dtype }) => ({ name, type: dtype, description: "", tags: {} })),
      })),
    ];
  }
  const sources = [spec.streamSource, kind === "labelView" ? spec.source : spec.batchSource];
  const inputs = sources.filter((source) => source?.name).map(({ name }) => ({ kind: "source", name, fields: [] }));
  for (const view of spec.sourceViews ?? []) inputs.push({ kind: "view", name: view.name ?? view.spec?.name, fields: [] });
  return inputs;
}

function componentOf(tags) {
  const part = (name) => tags[`${OWN}wasm-${name}`];
  const limits = ["wall-time", "memory", "output", "table-elements", "stack", "message", "fuel"];
  return {
    digest: part("component"),
    function: part("function"),
    limits: limits.filter(part).map((name) => [name.replace("-", " "), part(name)]),
  };
}

function pythonOf(spec) {
  const told = spec.featureTransformation?.userDefinedFunction ?? spec.userDefinedFunction;
  return told?.bodyText ? { mode: spec.mode || told.mode || "pandas", text: told.bodyText } : null;
}

/** What a source's options say of where its rows lie. */
function makeSource(source) {
  const options = Object.entries(source).find(([key]) => key.endsWith("Options"))?.[1] ?? {};
  const place = options.uri ?? options.path ?? options.table ?? options.topic ?? options.streamName ?? "";
  return {
    ...base("source", source, source.meta, source),
    sort: (source.type ?? "").toLowerCase().replace(/^batch_|_source$/g, "").replace(/^stream_/, "").replaceAll("_", " "),
    place: String(place || options.query || ""),
    fields: (source.requestDataOptions?.schema ?? []).map(column),
    batch: source.batchSource?.name,
    time: source.timestampField,
    made: source.createdTimestampColumn,
    mapping: source.fieldMapping ?? {},
    options,
  };
}

function makeEntity(entity) {
  const { spec = {}, meta } = entity;
  return { ...base("entity", spec, meta, entity), key: spec.joinKey ?? "", type: spec.valueType ? typeName(spec.valueType) : "" };
}

function makeService(service) {
  const { spec = {}, meta } = service;
  const projections = (spec.features ?? []).map((projection) => ({
    view: projection.featureViewName ?? "",
    alias: projection.featureViewNameAlias ?? "",
    columns: (projection.featureColumns ?? []).map(column),
    mapping: projection.joinKeyMap ?? {},
  }));
  return { ...base("service", spec, meta, service), projections, logging: spec.loggingConfig, precomputed: spec.precomputeOnline === true };
}

function makeDataset(dataset) {
  const { spec = {}, meta } = dataset;
  const [storage, options] = Object.entries(spec.storage ?? {})[0] ?? ["", {}];
  const references = spec.features ?? [];
  return {
    ...base("dataset", spec, meta, dataset),
    service: spec.featureServiceName ?? "",
    references,
    views: [...new Set(references.map((reference) => reference.split(":")[0].replace(/@v?\d+$|@latest$/, "")))],
    keys: spec.joinKeys ?? [],
    storage: storage.replace(/Storage$/, ""),
    place: options.uri ?? options.path ?? options.table ?? "",
    from: meta?.minEventTimestamp,
    to: meta?.maxEventTimestamp,
    group: [spec.namespace, spec.collection].filter(Boolean).join(" / "),
  };
}

function makePermission(permission) {
  const { spec = {}, meta } = permission;
  const [policy, who] = Object.entries(spec.policy ?? {})[0] ?? ["", {}];
  const words = (list) => (list ?? []).map((word) => word.toLowerCase().replaceAll("_", " "));
  return {
    ...base("permission", spec, meta, permission),
    types: words(spec.types),
    patterns: spec.namePatterns ?? [],
    actions: words(spec.actions),
    required: spec.requiredTags ?? {},
    policy: policy.replace(/Policy$/, "").replace(/([A-Z])/g, " $1").toLowerCase() || "everybody",
    who: Object.entries(who ?? {}).flatMap(([kind, names]) => (names ?? []).map((name) => ({ kind, name }))),
  };
}
