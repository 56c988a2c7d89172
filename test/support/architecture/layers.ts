/** A region of the tree with its own rule of what it may import. */
export interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** Layers besides itself that it may import; `"*"`: all. */
  readonly imports: readonly string[] | "*";
  /** Layers of which it may import types only. */
  readonly types?: readonly string[];
  /** Packages it may import; `"*"`: all, and the builtins of Bun and Node too. */
  readonly packages: readonly string[] | "*";
  /** Whether time, randomness, environment, `Bun` and the console are its to use. */
  readonly effects: boolean;
}

const TABLES = "tables";
const PURE = ["chat", "presence", "policy"] as const;
const SHARED = [TABLES, "wire", "catalog", ...PURE, "group", "ports"] as const;
const ROOMS = ["placing", "dead letters", "tracing", "ops"] as const;
const HTTP = ["hono", "@hono/zod-openapi", "zod"] as const;

/** The first layer whose pattern fits is a file's layer. */
const LAYERS: readonly Layer[] = [
  pure(TABLES, /^src\/(?:(?:errors|limits|close-codes)\.ts$|limits\/)/, []),
  pure("wire", /^src\/wire\//, [TABLES], ["zod"]),
  { ...pure("catalog", /^src\/[a-z-]+\.ts$/, [TABLES, "wire"], ["zod"]), types: ["kafka"] },
  ...PURE.map((name) => pure(name, new RegExp(`^src/${name}/`), [TABLES, "wire"])),
  pure("ports", /^src\/ports\//, [TABLES, "wire", "catalog", ...PURE]),
  pure("group", /^src\/group\//, [TABLES, "wire", "catalog", ...PURE, "ports"]),
  // What gateways and pools do alike.
  pure("placing", /^src\/placing\//, SHARED),
  pure("dead letters", /^src\/dead-letters\//, [...SHARED, "placing"]),
  pure("tracing", /^src\/tracing\//, SHARED),
  pure("ops", /^src\/ops\//, SHARED),
  // What both Kafka clients share; it knows neither of them.
  pure("kafka", /^src\/kafka\//, [TABLES, "wire", "catalog", ...PURE, "ports"]),
  {
    name: "client platform",
    files: /^src\/client\/platform\.ts$/,
    imports: ["client", TABLES],
    types: ["wire"],
    packages: [],
    effects: true,
  },
  {
    name: "client",
    files: /^src\/client\//,
    imports: ["client platform", TABLES],
    types: ["wire"],
    packages: [],
    effects: false,
  },
  {
    name: "adapters",
    files: /^src\/adapters\//,
    imports: [...SHARED, "kafka"],
    packages: "*",
    effects: true,
  },
  {
    name: "gateway main",
    files: /^gateway\/main\.ts$/,
    imports: [...SHARED, "kafka", "adapters", "gateway", "pages", "cli"],
    packages: "*",
    effects: true,
  },
  {
    name: "consumers main",
    files: /^consumers\/main\.ts$/,
    imports: [...SHARED, "kafka", "adapters", "consumers", "cli"],
    packages: "*",
    effects: true,
  },
  // What runs in the browser has the browser's clock and timers, and speaks through the SDK alone.
  {
    name: "pages",
    files: /^gateway\/web\//,
    imports: ["client", "client platform", TABLES],
    types: ["wire"],
    packages: [],
    effects: true,
  },
  pure("gateway", /^gateway\//, [...SHARED, ...ROOMS, "pages"], HTTP),
  pure("consumers", /^consumers\//, [...SHARED, ...ROOMS]),
  free("cli", /^cli\//),
  free("load", /^load\//),
  free("scripts", /^scripts\//),
  // Kafka, Redis and Postgres for tests, which measurements start as well.
  free("services", /^test\/support\/services\//),
  free("test", /^test\//),
];

/** Layers that nothing but themselves and tests may import. */
export const ENDS: readonly string[] = ["scripts", "test", "load"];

export function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => layer.files.test(path));
}

function pure(
  name: string,
  files: RegExp,
  imports: readonly string[],
  packages: readonly string[] = [],
): Layer {
  return { name, files, imports, packages, effects: false };
}

function free(name: string, files: RegExp): Layer {
  return { name, files, imports: "*", packages: "*", effects: true };
}
