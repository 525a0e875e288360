import assert from "node:assert/strict";
import fc from "fast-check";
import type { ProcessAnswer } from "../pipe/process.ts";
import { type CgpOptions, type CgpWorld, runHelper } from "./helper.ts";
import { MAX_CONCURRENT, MAX_REPLY_OCTETS } from "./limits.ts";
import { quoted, readRequest, replyLine } from "./request.ts";

const OPTIONS: CgpOptions = { listener: "cgp", refused: "ERROR", deferred: "hold" };
const FILE = new TextEncoder().encode("P I 1 <a@s.test>\nR W 1 <b@h.test>\n\nSubject: x\n\ny\n");

const answer = (action: ProcessAnswer["action"], rest: Partial<ProcessAnswer> = {}) => ({
  queueId: "q",
  action,
  by: "test",
  status: "clean" as const,
  ...rest,
});

async function* lines(...all: string[]) {
  yield* all;
}

function world(over: Partial<CgpWorld>): CgpWorld & { readonly said: string[] } {
  const said: string[] = [];
  return {
    readFile: () => Promise.resolve(FILE),
    process: () => Promise.resolve(answer("accept")),
    write: (line) => said.push(line),
    pause: () => Promise.resolve(),
    ...over,
    said,
  };
}

Deno.test("what is deferred is tried again until it is decided, without an answer before", async () => {
  let tries = 0;
  const at = world({
    process: () => Promise.resolve(answer(++tries < 4 ? "defer" : "accept", { reply: "451 x" })),
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const wait = async function* () {
    yield "7 FILE 1";
    await promise;
  };
  const running = runHelper(wait(), {
    ...at,
    write(line) {
      at.write(line);
      if (line.startsWith("7 ")) resolve();
    },
  }, OPTIONS);
  await running;
  assert.equal(tries, 4);
  assert.deepEqual(at.said.filter((line) => line.startsWith("7 ")), ["7 OK\n"]);
});

Deno.test("a daemon that is not there lets nothing pass", async () => {
  for (const deferred of ["hold", "refuse", "failure"] as const) {
    const at = world({
      process: () => Promise.reject(new Error("no daemon")),
      pause: () => new Promise(() => {}),
    });
    await runHelper(lines("1 FILE 1"), at, { ...OPTIONS, deferred });
    assert.ok(!at.said.some((line) => / OK/.test(line)), at.said.join(""));
    assert.equal(at.said.some((line) => line.startsWith("1 ")), deferred !== "hold");
  }
});

Deno.test("messages that are held stop no others, however many they are", async () => {
  const at = world({
    readFile: (path) => Promise.resolve(path === "clean" ? FILE : new Uint8Array()),
    pause: () => new Promise(() => {}),
  });
  const held = Array.from({ length: 3 * MAX_CONCURRENT }, (_, i) => `${i} FILE held`);
  await runHelper(lines(...held, "999 FILE clean"), at, OPTIONS);
  assert.deepEqual(at.said.filter((line) => !line.startsWith("*")), ["999 OK\n"]);
});

Deno.test("no more messages are under way at once than there may be, tried again or not", async () => {
  let now = 0;
  let most = 0;
  let tries = 0;
  const at = world({
    process: async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now--;
      return answer(++tries <= MAX_CONCURRENT ? "defer" : "accept", { reply: "451 x" });
    },
  });
  const count = 2 * MAX_CONCURRENT;
  const all = Promise.withResolvers<void>();
  const wait = async function* () {
    for (let i = 0; i < count; i++) yield `${i} FILE 1`;
    await all.promise;
  };
  let answered = 0;
  await runHelper(wait(), {
    ...at,
    write: (line) => void (line.endsWith(" OK\n") && ++answered === count && all.resolve()),
  }, OPTIONS);
  assert.equal(tries, count + MAX_CONCURRENT);
  assert.equal(most, MAX_CONCURRENT);
});

Deno.test("requests are answered in the order in which they are done", async () => {
  const done = { a: Promise.withResolvers<void>(), b: Promise.withResolvers<void>() };
  const at = world({
    readFile: async (path) => {
      if (path === "a") await done.a.promise;
      if (path === "b") await done.b.promise;
      return FILE;
    },
  });
  await runHelper(lines("1 FILE a", "2 FILE b", "3 FILE c"), {
    ...at,
    write(line) {
      at.write(line);
      if (line.startsWith("3 ")) done.a.resolve();
      if (line.startsWith("1 ")) done.b.resolve();
    },
  }, OPTIONS);
  assert.deepEqual(at.said, ["3 OK\n", "1 OK\n", "2 OK\n"]);
});

Deno.test("a reply is one line that the server reads whole, whatever is in it", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 6000 }), (text) => {
    const line = replyLine(text);
    assert.ok(new TextEncoder().encode(line).length <= MAX_REPLY_OCTETS);
    assert.equal(line.indexOf("\n"), line.length - 1);
    const string = quoted(text, 500);
    assert.ok(/^"(?:[^"\\\n]|\\["\\e])*"$/su.test(string), string);
    assert.ok(new TextEncoder().encode(string).length <= 500);
  }));
});

Deno.test("a request has a number and a word", () => {
  assert.deepEqual(readRequest("12 file Queue/01/2.msg\r"), {
    sequence: "12",
    command: "FILE",
    argument: "Queue/01/2.msg",
  });
  for (const line of ["", "FILE x", "x FILE y", "12", "-1 FILE x"]) {
    assert.equal(readRequest(line), undefined, line);
  }
});
