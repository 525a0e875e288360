/** Holds the house's own rules: who may import whom, what may touch the system, how long a file may be. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { codeOnly, importsOf, sourceFiles, textFiles } from "./house.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** Longest file with one duty, lines. */
const MAX_LINES = 450;

/**
 * What each room's code may import of other rooms: a folder with everything in it (`policy/`), or single files. `types:` before
 * a path allows `import type` alone. A room may always import itself, and what is everybody's. Tests may import anything below them.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "free_octets.ts": [],
  engine: [],
  policy: ["engine/types.ts", "engine/file_types.ts"],
  store: ["engine/types.ts", "policy/types.ts"],
  agents: ["policy/", "engine/types.ts", "engine/message/marks.ts", "engine/clean/plan.ts"],
  mirror: ["store/", "types:engine/types.ts"],
  "mod.ts": ["policy/", "engine/"],
  daemon: ["policy/", "engine/", "store/", "agents/", "mirror/", "mod.ts"],
  setup: ["policy/", "engine/", "store/", "agents/", "mirror/", "mod.ts", "daemon/"],
  commands: ["policy/", "engine/", "store/", "agents/", "mirror/", "mod.ts", "daemon/", "setup/"],
  "main.ts": ["policy/", "engine/", "daemon/", "agents/", "mod.ts", "setup/", "commands/"],
  web: [],
};

/** What every room may import; deno.json is where the version stands. */
const EVERYBODYS: ReadonlySet<string> = new Set(["errors.ts", "free_octets.ts", "deno.json"]);

/** Built-in modules of Node that reach outside the process: not for code that is to be pure. */
const NODE_IO =
  /^node:(?:fs|fs\/promises|net|tls|dgram|dns|http|https|http2|child_process|cluster|worker_threads|os|repl|vm)$/;

const isTest = (path: string) => /_(?:test|bench)\.ts$|\/(?:fixtures|testing)\//.test(path);
const isFixture = (path: string) =>
  path.startsWith("tests/") || path.startsWith("bench/") || isTest(path);
const roomOf = (path: string) => path.includes("/") ? path.slice(0, path.indexOf("/")) : path;

const files = await sourceFiles(ROOT);

Deno.test("the house knows each of its rooms", () => {
  const rooms = new Set(files.filter((path) => !isFixture(path)).map(roomOf));
  for (const room of rooms) {
    // Examples are documents of users: what they import is the library alone, and the import map holds them.
    if (room !== "examples") assert.ok(room in MAY_IMPORT, `${room} is no room of the house`);
  }
});

Deno.test("each room imports only what it may", async () => {
  const wrong: string[] = [];
  for (const path of files) {
    if (isFixture(path) || roomOf(path) === "examples") continue;
    const room = roomOf(path);
    const allowed = MAY_IMPORT[room] ?? [];
    for (const { from, typeOnly } of importsOf(await Deno.readTextFile(join(ROOT, path)))) {
      if (!from.startsWith(".")) continue;
      const target = normalize(join(dirname(path), from));
      if (EVERYBODYS.has(target) || roomOf(target) === room) continue;
      const may = allowed.some((rule) => {
        const types = rule.startsWith("types:");
        const place = types ? rule.slice("types:".length) : rule;
        if (types && !typeOnly) return false;
        return place.endsWith("/") ? target.startsWith(place) : target === place;
      });
      if (!may) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("no room is behind a room that is behind it", async () => {
  const edges = new Map<string, Set<string>>();
  for (const path of files) {
    if (isFixture(path)) continue;
    const room = roomOf(path);
    const targets = edges.get(room) ?? new Set();
    edges.set(room, targets);
    for (const { from, typeOnly } of importsOf(await Deno.readTextFile(join(ROOT, path)))) {
      if (!from.startsWith(".") || typeOnly) continue;
      const target = roomOf(normalize(join(dirname(path), from)));
      if (target !== room) targets.add(target);
    }
  }
  const walk = (room: string, way: readonly string[]): void => {
    assert.ok(!way.includes(room), `a circle of rooms: ${[...way, room].join(" -> ")}`);
    for (const next of edges.get(room) ?? []) walk(next, [...way, room]);
  };
  for (const room of edges.keys()) walk(room, []);
});

Deno.test("nothing is imported that the import map does not name", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))) as {
    imports: Record<string, string>;
  };
  const wrong: string[] = [];
  for (const path of files) {
    for (const { from } of importsOf(await Deno.readTextFile(join(ROOT, path)))) {
      if (from.startsWith("./") || from.startsWith("../") || from.startsWith("node:")) continue;
      if (from.includes("${")) continue; // the text of a program that a test writes
      const named = Object.keys(imports).some((name) =>
        from === name || from.startsWith(`${name}/`)
      );
      if (!named) wrong.push(`${path} imports ${from}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("policy and engine touch nothing outside themselves", async () => {
  const wrong: string[] = [];
  for (const path of files) {
    if (!/^(?:policy|engine)\//.test(path) || path.startsWith("engine/scanner/") || isTest(path)) {
      continue;
    }
    const source = await Deno.readTextFile(join(ROOT, path));
    if (/\bDeno\s*\./.test(codeOnly(source))) wrong.push(`${path} uses Deno`);
    if (/\bfetch\s*\(|\bnew\s+(?:Worker|WebSocket)\b/.test(codeOnly(source))) {
      wrong.push(`${path} reaches the network or starts a worker`);
    }
    for (const { from } of importsOf(source)) {
      if (NODE_IO.test(from)) wrong.push(`${path} imports ${from}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test(`no file has more than ${MAX_LINES} lines`, async () => {
  const long: string[] = [];
  for (const path of files) {
    if (isTest(path)) continue;
    const lines = (await Deno.readTextFile(join(ROOT, path))).split("\n").length - 1;
    if (lines > MAX_LINES) long.push(`${path}: ${lines}`);
  }
  assert.deepEqual(long, []);
});

Deno.test("no check of the compiler or the linter is silenced", async () => {
  // Made of pieces, so that this file does not name what it looks for.
  const silencers = new RegExp(
    ["@ts-(?:ignore|nocheck|expect-error)", "deno-lint-ignore", "deno-fmt-ignore", "\\bas any\\b"]
      .map((word) => word.replace("-", "[-]")).join("|"),
  );
  const wrong: string[] = [];
  for (const path of files) {
    // Tests hold types by lines that must be errors, and lay tables out by hand.
    if (isTest(path)) continue;
    if (silencers.test(await Deno.readTextFile(join(ROOT, path)))) wrong.push(path);
  }
  assert.deepEqual(wrong, []);
});

Deno.test("no text names the host of a registry or a path of one machine", async () => {
  const forbidden = [
    new RegExp("/(?:work|farm|root)/[a-z]"),
    new RegExp(["registry", "npm"].join("\\.")),
    new RegExp(["deb", "debian"].join("\\.")),
    new RegExp(["jsr", "io/@"].join("\\.")),
  ];
  const wrong: string[] = [];
  for (const path of await textFiles(ROOT)) {
    if (path === "tests/house_test.ts") continue;
    const text = await Deno.readTextFile(join(ROOT, path));
    for (const pattern of forbidden) {
      const match = pattern.exec(text);
      if (match) wrong.push(`${path}: ${match[0]}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("importsOf() reads each way of importing", () => {
  const source = [
    'import a from "./a.ts";',
    "import {\n  b,\n  type c,\n} from './b.ts';",
    'import type { d } from "./d.ts";',
    'export * from "./e.ts";',
    'export type { f } from "./f.ts";',
    'import "./g.ts";',
    'const h = await import("./h.ts");',
    '// import i from "./i.ts";',
    '/* import j from "./j.ts"; */',
    'const text = `import k from "./k.ts"`;',
    'const from = "x"; new Worker(import.meta.resolve("./l.ts"));',
  ].join("\n");
  const got = importsOf(source).map(({ from, typeOnly }) => typeOnly ? `type ${from}` : from);
  assert.deepEqual(got.sort(), [
    "./a.ts",
    "./b.ts",
    "./e.ts",
    "./g.ts",
    "./h.ts",
    "./l.ts",
    "type ./d.ts",
    "type ./f.ts",
  ]);
});
