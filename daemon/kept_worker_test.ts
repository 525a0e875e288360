import assert from "node:assert/strict";
import { until } from "../tests/wait.ts";
import { KeptWorker } from "./kept_worker.ts";

const NOTHING = { net: [], read: [], write: [] };

/** A worker that says back what it is told, and does what the words say. */
const MODULE = new URL(`data:application/javascript,${
  encodeURIComponent(`
    self.onmessage = async ({ data }) => {
      if (data === "die") throw new Error("as told");
      if (data === "lie") return self.postMessage({ wrong: true });
      if (data === "connect") {
        const error = await Deno.connect({ hostname: "127.0.0.1", port: 9 }).catch((error) => error);
        return self.postMessage(error.name);
      }
      self.postMessage(data);
    };
    self.postMessage("ready");`)
}`);

function kept() {
  const got: unknown[] = [];
  const lost: string[] = [];
  const reports: string[] = [];
  const worker = new KeptWorker({
    what: "The worker",
    name: "test",
    module: MODULE,
    permissions: NOTHING,
    report: (level, message, fields) => reports.push(`${level} ${message}: ${fields?.["error"]}`),
    first: "first",
    receive(data) {
      got.push(data);
      return typeof data === "string";
    },
    lost: (why) => lost.push(why),
  });
  return { worker, got, lost, reports };
}

Deno.test("KeptWorker passes messages, and starts a worker again that died or cannot be trusted", async () => {
  const { worker, got, lost, reports } = kept();
  await until("its first answer", () => got.includes("first"));
  for (const [words, why] of [["die", /as told/], ["lie", /what is no message/]] as const) {
    const before = got.length;
    const restarts = worker.restarts;
    assert.equal(worker.post(words), true);
    await until("its end", () => worker.restarts > restarts);
    assert.match(lost.at(-1) ?? "", why);
    assert.match(reports.at(-1) ?? "", /^error The worker ended and is started again/);
    await until("its successor", () => got.slice(before).includes("first"));
  }
  worker.post("still here");
  await until("an answer", () => got.includes("still here"));
  worker.close();
  assert.equal(worker.post("x"), false);
  assert.equal(lost.at(-1), "it was closed");
});

Deno.test("KeptWorker gives a worker its permissions and no others", async () => {
  const { worker, got } = kept();
  worker.post("connect");
  const name = await until("its answer", () => got.find((each) => each !== "first"));
  assert.match(String(name), /NotCapable|PermissionDenied/);
  worker.close();
});
