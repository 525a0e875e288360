import assert from "node:assert/strict";
import { ConnectError } from "./connect.ts";
import { type Converse, EngineGate } from "./gate.ts";
import { BACK_OFF_MS, TROUBLES_OF_DEAD, WAITING_PER_PLACE } from "./limits.ts";

const OPTIONS = { timeMs: 60_000, maxOctets: 100, concurrency: 2 };
const OCTETS = new Uint8Array(10);
const CLEAN = { status: "clean" } as const;

function reasonOf(answer: Awaited<ReturnType<EngineGate["ask"]>>): string {
  return answer.status === "notScanned" ? answer.reason : answer.status;
}

/** Conversations that end when the test says so. */
function held() {
  const open: PromiseWithResolvers<typeof CLEAN>[] = [];
  const converse: Converse = (_, signal) => {
    const one = Promise.withResolvers<typeof CLEAN>();
    open.push(one);
    signal.addEventListener("abort", () => one.reject(signal.reason));
    return one.promise;
  };
  return { open, converse };
}

Deno.test("EngineGate asks about so many at once, in their order", async () => {
  const { open, converse } = held();
  const gate = new EngineGate(OPTIONS, converse);
  const answers = Array.from({ length: 5 }, () => gate.ask(OCTETS));
  await Promise.resolve();
  assert.equal(open.length, 2);
  for (let i = 0; i < 5; i++) {
    open[i]!.resolve(CLEAN);
    assert.equal((await answers[i]!).status, "clean");
    assert.equal(open.length, Math.min(5, i + 3));
  }
});

Deno.test("EngineGate refuses what is too large, and too many", async () => {
  const { open, converse } = held();
  const gate = new EngineGate({ ...OPTIONS, concurrency: 1 }, converse);
  assert.equal(reasonOf(await gate.ask(new Uint8Array(101))), "size");
  const leaving = new AbortController();
  const waiting = Array.from(
    { length: 1 + WAITING_PER_PLACE },
    () => gate.ask(OCTETS, leaving.signal),
  );
  assert.equal(reasonOf(await gate.ask(OCTETS)), "busy");
  leaving.abort();
  for (const each of waiting) assert.equal(reasonOf(await each), "cancelled");
  assert.equal(open.length, 1);
  const after = gate.ask(OCTETS);
  await Promise.resolve();
  open.at(-1)!.resolve(CLEAN);
  assert.equal((await after).status, "clean");
});

Deno.test("EngineGate counts the queue in the time limit", async () => {
  const { converse } = held();
  const gate = new EngineGate({ ...OPTIONS, concurrency: 1, timeMs: 20 }, converse);
  const all = await Promise.all([gate.ask(OCTETS), gate.ask(OCTETS)]);
  assert.deepEqual(all.map(reasonOf), ["time", "time"]);
});

Deno.test("EngineGate leaves an engine alone that is not there, longer each time", async () => {
  let now = 0;
  let asked = 0;
  let there = false;
  const gate = new EngineGate(OPTIONS, () => {
    asked++;
    if (there) return Promise.resolve(CLEAN);
    return Promise.reject(new ConnectError("wire/closed", "Connection refused"));
  }, () => now);
  for (const [i, ms] of BACK_OFF_MS.entries()) {
    assert.equal(reasonOf(await gate.ask(OCTETS)), "unreachable");
    assert.equal(asked, i + 1);
    now += ms - 1;
    assert.equal(reasonOf(await gate.ask(OCTETS)), "unreachable");
    assert.equal(asked, i + 1);
    now += 1;
  }
  there = true;
  assert.equal((await gate.ask(OCTETS)).status, "clean");
  there = false;
  await gate.ask(OCTETS);
  now += BACK_OFF_MS[0];
  there = true;
  assert.equal((await gate.ask(OCTETS)).status, "clean");
});

Deno.test("EngineGate does not hold one message against an engine, and many it does", async () => {
  let asked = 0;
  const gate = new EngineGate(OPTIONS, () => {
    asked++;
    return Promise.reject(new Error("reset"));
  }, () => 0);
  for (let i = 0; i < TROUBLES_OF_DEAD + 3; i++) {
    assert.equal(reasonOf(await gate.ask(OCTETS)), "unreachable");
  }
  assert.equal(asked, TROUBLES_OF_DEAD);
});
