import assert from "node:assert/strict";
import { PosternError } from "../errors.ts";
import { evaluateDocument } from "./documents/evaluate.ts";
import { agentNextHop } from "../policy/config.ts";
import { readConfig, readPolicy } from "./documents.ts";

/** A directory with these files; its path, and how it goes. */
async function files(contents: Readonly<Record<string, string>>) {
  const path = await Deno.makeTempDir({ prefix: "postern-documents-" });
  for (const [name, text] of Object.entries(contents)) {
    await Deno.mkdir(new URL(`file://${path}/${name}/..`), { recursive: true });
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("evaluateDocument() gives the value of a typed document and of what it imports", async () => {
  await using at = await files({
    "policy.ts": `import { definePolicy } from "postern";
import type { Anything } from "./nowhere.ts";
import { partners } from "./lists.ts";
import more from "./below/more.json" with { type: "json" };
const limit: number = 5 as const;
export default definePolicy({ partners, more, limit, left: undefined, text: "ä€😀 import x from 'y'" });\n`,
    "lists.ts":
      `import { tail } from "./tail.mjs"; export const partners: readonly string[] = ["a", ...tail];\n`,
    "tail.mjs": `export const tail = [\`b\`];\n`,
    "below/more.json": `{"deep": [1, null, true]}`,
  });
  assert.deepEqual(await evaluateDocument(`${at.path}/policy.ts`, 20_000), {
    partners: ["a", "b"],
    more: { deep: [1, null, true] },
    limit: 5,
    text: "ä€😀 import x from 'y'",
  });
});

/** What a document may not be, and the words that say so. */
const REFUSED: { name: string; text: string; code: string; says: RegExp; timeMs?: number }[] = [
  {
    name: "a syntax error",
    text: "export default {\n  a: 1\n  b: 2 };",
    code: "document/invalid",
    says: /policy\.ts:3:3: /,
  },
  {
    name: "an enum",
    text: "enum A { x }\nexport default {};",
    code: "document/invalid",
    says: /policy\.ts:1:1: .*enum/,
  },
  {
    name: "no default export",
    text: "export const a = 1;",
    code: "document/invalid",
    says: /policy\.ts: has no `export default`/,
  },
  {
    name: "an exception",
    text: "\n\nnull.x;\nexport default {};",
    code: "document/invalid",
    says: /policy\.ts:3:6: TypeError/,
  },
  {
    name: "a file",
    text: `export default { a: Deno.readTextFileSync("/etc/hostname") };`,
    code: "document/forbidden",
    says: /policy\.ts:1:\d+: asks for read access to "\/etc\/hostname"/,
  },
  {
    name: "a write",
    text: `Deno.writeTextFileSync("/tmp/x", "");\nexport default {};`,
    code: "document/forbidden",
    says: /asks for write access/,
  },
  {
    name: "the environment",
    text: `export default { a: Deno.env.get("HOME") };`,
    code: "document/forbidden",
    says: /asks for env access to "HOME"/,
  },
  {
    name: "a socket",
    text: `await Deno.connect({ port: 25 });\nexport default {};`,
    code: "document/forbidden",
    says: /asks for net access/,
  },
  {
    name: "the web",
    text: `await fetch("http://127.0.0.1:8765/");\nexport default {};`,
    code: "document/forbidden",
    says: /asks for net access/,
  },
  {
    name: "a process",
    text: `new Deno.Command("/bin/true").outputSync();\nexport default {};`,
    code: "document/forbidden",
    says: /asks for run access/,
  },
  {
    name: "a module of the web",
    text: `import "https://example.org/x.js";\nexport default {};`,
    code: "document/forbidden",
    says: /imports "https:\/\/example.org\/x.js", but/,
  },
  {
    name: "a package",
    text: `import z from "npm:zod";\nexport default {};`,
    code: "document/forbidden",
    says: /imports "npm:zod"/,
  },
  {
    name: "a file elsewhere",
    text: `import "../elsewhere.ts";\nexport default {};`,
    code: "document/unreadable",
    says: /elsewhere/,
  },
  {
    name: "a system file",
    text: `import "../../../../../etc/hostname";\nexport default {};`,
    code: "document/forbidden",
    says: /are named/,
  },
  {
    name: "a missing file",
    text: `import "./missing.ts";\nexport default {};`,
    code: "document/unreadable",
    says: /policy\.ts: Cannot read .*missing\.ts: there is no such file/,
  },
  {
    name: "itself",
    text: `import "./policy.ts";\nexport default {};`,
    code: "document/invalid",
    says: /imports itself/,
  },
  {
    name: "an import while it runs",
    text: `\nawait import("./lists.ts");\nexport default {};`,
    code: "document/forbidden",
    says: /policy\.ts:2:\d+: imports while it runs/,
  },
  {
    name: "an import in disguise",
    text: `await new Function("return import('file:///etc/passwd')")();\nexport default {};`,
    code: "document/invalid",
    says: /Code generation|eval/,
  },
  {
    name: "a loop",
    text: "for (;;);\nexport default {};",
    code: "document/timeout",
    says: /did not come to an end within 1500 ms/,
    timeMs: 1500,
  },
  {
    name: "a wait",
    text: "await new Promise(() => {});\nexport default {};",
    code: "document/timeout",
    says: /did not come to an end/,
    timeMs: 1500,
  },
  {
    name: "a function",
    text: "export default { rules: [{}, { when: () => true }] };",
    code: "document/invalid",
    says: /rules\[1\]\.when is a function; a document may have plain data only/,
  },
  {
    name: "a class instance",
    text: "export default { a: { 'b-c': new Map() } };",
    code: "document/invalid",
    says: /a\["b-c"\] is an instance of Map/,
  },
  {
    name: "a date",
    text: "export default { at: new Date() };",
    code: "document/invalid",
    says: /at is an instance of Date/,
  },
  {
    name: "a cycle",
    text: "const a = { b: {} };\na.b.c = a;\nexport default a;",
    code: "document/invalid",
    says: /b\.c contains itself/,
  },
  {
    name: "a getter",
    text: "export default { get a() { return 1; } };",
    code: "document/invalid",
    says: /a is computed when it is read/,
  },
  {
    name: "a number that is none",
    text: "export default { a: 0 / 0 };",
    code: "document/invalid",
    says: /a is NaN/,
  },
  {
    name: "a bigint",
    text: "export default { a: 1n };",
    code: "document/invalid",
    says: /a is a bigint/,
  },
  {
    name: "bottomless nesting",
    text: "let a = {};\nfor (let i = 0; i < 1000; i++) a = { a };\nexport default a;",
    code: "document/invalid",
    says: /nested deeper than/,
  },
  {
    name: "too much memory",
    // Asked for and not touched: what is refused is the same, and a busy machine need not fill two gigabytes first.
    text: "const a = [];\nfor (;;) a.push(new Uint8Array(1 << 26));\nexport default a;",
    code: "document/invalid",
    says: /memory|allocation/i,
    timeMs: 30_000,
  },
];

for (const { name, text, code, says, timeMs = 20_000 } of REFUSED) {
  Deno.test(`evaluateDocument() refuses ${name}, and says so`, async () => {
    await using at = await files({ "policy.ts": text, "lists.ts": "export {};\n" });
    await assert.rejects(evaluateDocument(`${at.path}/policy.ts`, timeMs), (error: unknown) => {
      assert.ok(error instanceof PosternError);
      assert.match(error.message, says);
      assert.equal(error.code, code);
      return true;
    });
  });
}

Deno.test("evaluateDocument() does not follow a link out of the document's directory", async () => {
  await using secret = await files({ "secret.ts": "export default 1;\n" });
  await using at = await files({
    "policy.ts": `import a from "./link.ts";\nexport default { a };`,
  });
  await Deno.symlink(`${secret.path}/secret.ts`, `${at.path}/link.ts`);
  const evaluated = evaluateDocument(`${at.path}/policy.ts`, 20_000);
  await assert.rejects(evaluated, { code: "document/forbidden" });
});

Deno.test("evaluateDocument() says that there is no such file", async () => {
  const evaluated = evaluateDocument("/no/such/policy.ts", 1000);
  await assert.rejects(evaluated, { code: "document/unreadable" });
});

Deno.test("readConfig() gives absolute paths, seen from the document", async () => {
  await using at = await files({
    "postern.config.ts": `import { defineConfig } from "postern";
export default defineConfig({
  state: "../state",
  agents: [{ agent: "smtp", listen: "127.0.0.1:0", nextHop: "maildir:./Maildir" }],
  log: { to: ["stderr", "file:logs/mail.log"] },
});`,
  });
  const config = await readConfig(`${at.path}/postern.config.ts`);
  assert.equal(config.state, `${at.path.replace(/\/[^/]+$/, "")}/state`);
  assert.equal(config.policy, `${at.path}/policy.ts`);
  assert.equal(agentNextHop(config.agents[0]!), `maildir:${at.path}/Maildir`);
  assert.deepEqual(config.log.to, ["stderr", `file:${at.path}/logs/mail.log`]);
});

Deno.test("readConfig() names the file and the place of what does not check", async () => {
  await using at = await files({
    "postern.config.ts": `export default { scanners: { proceses: 2 } };`,
  });
  await assert.rejects(readConfig(`${at.path}/postern.config.ts`), {
    code: "document/invalid",
    message: /postern\.config\.ts.*scanners/,
  });
});

Deno.test("readPolicy() gives tree, hash, and the revision of a document in git", async () => {
  await using at = await files({ "policy.ts": `export default { settings: {} };` });
  const git = (...args: string[]) =>
    new Deno.Command("git", {
      args: ["-C", at.path, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args],
      stdout: "piped",
      stderr: "null",
    }).outputSync();
  assert.equal((await readPolicy(`${at.path}/policy.ts`, 20_000)).revision, undefined);
  git("init", "-q");
  git("add", ".");
  git("commit", "-q", "-m", "one");
  const commit = new TextDecoder().decode(git("rev-parse", "HEAD").stdout).trim();
  const read = await readPolicy(`${at.path}/policy.ts`, 20_000);
  assert.equal(read.revision, commit);
  assert.equal(read.hash, read.tree.hash);
  await Deno.writeTextFile(`${at.path}/policy.ts`, `export default { settings: {}, rules: [] };`);
  assert.equal((await readPolicy(`${at.path}/policy.ts`, 20_000)).revision, `${commit}-dirty`);
});
