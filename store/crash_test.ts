import assert from "node:assert/strict";
import { openStore } from "./store.ts";
import { assertSameOctets, someOctets, withDirectory } from "./testing.ts";

/** Puts and deletes without end, several at once; prints a line for each thing that is acknowledged. */
const WRITER = `
  const [path, storeModule, testingModule, round] = Deno.args;
  const { openStore } = await import(storeModule);
  const { newEntry, someOctets } = await import(testingModule);
  const store = await openStore(path);
  const say = (line) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\\n"));
  say("open");
  const writer = async (number) => {
    for (let n = 0;; n++) {
      const seed = Number(round) * 10_000 + (n % 3 === 0 ? n : number * 1000 + n);
      const size = n % 4 === 0 ? 1_500_000 : n % 4 * 40_000;
      const id = await store.putQuarantine(newEntry({ queueId: seed + " " + size }), someOctets(size, seed));
      say("put " + id);
      if (n % 5 === 4) { say("deleting " + id); await store.deleteQuarantine(id); say("deleted " + id); }
    }
  };
  await Promise.all([1, 2, 3, 4].map(writer));
`;

/** Runs the writer until it has acknowledged `lines` things, and kills it at once. */
async function runAndKill(args: string[], lines: number): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" })
    .spawn();
  const heard: string[] = [];
  let rest = "";
  let killed = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    heard.push(...parts);
    if (heard.length > lines && !killed) {
      killed = true;
      child.kill("SIGKILL");
    }
  }
  const status = await child.status;
  assert.equal(status.signal, "SIGKILL", heard.join("\n"));
  return heard;
}

Deno.test("Store loses nothing that was acknowledged when it is killed again and again", () =>
  withDirectory(async (path) => {
    await Deno.writeTextFile(path("writer.ts"), WRITER);
    const config = new URL("../deno.json", import.meta.url).pathname;
    const modules = ["./store.ts", "./testing.ts"].map((name) => import.meta.resolve(name));
    const present = new Set<string>();
    const maybe = new Set<string>(); // whose deletion was begun and not acknowledged
    for (let round = 0; round < 6; round++) {
      const args = ["run", "-A", "--no-check", "--config", config, path("writer.ts"), path("kv")];
      const lines = 5 + Math.floor(Math.random() * 60);
      for (const line of await runAndKill([...args, ...modules, String(round)], lines)) {
        const [what, id = ""] = line.split(" ");
        if (what === "put") present.add(id);
        if (what === "deleting") maybe.add(id);
        if (what === "deleted") { for (const set of [present, maybe]) set.delete(id); }
      }
      const store = await openStore(path("kv")); // the lock went with the process
      const check = await store.check();
      assert.deepEqual(check.problems, []);
      for (const sentence of check.mended) assert.match(sentence, /half written or half deleted/);
      const entries = await store.listQuarantine({ limit: Infinity });
      const found = new Map(entries.map((entry) => [entry.id, entry]));
      for (const id of present) assert.ok(found.has(id) || maybe.has(id), `${id} is missing`);
      for (const [id, { queueId }] of found) {
        const [seed, size] = queueId.split(" ").map(Number);
        assertSameOctets(await store.readQuarantined(id), someOctets(size ?? 0, seed));
        present.add(id);
        maybe.delete(id);
      }
      for (const id of maybe) present.delete(id);
      maybe.clear();
      await store.close();
    }
    assert.ok(present.size > 20);
  }));
