import assert from "node:assert/strict";
import { inOrder } from "./in_order.ts";

/** A promise and what settles it. */
function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

async function* numbers(count: number) {
  for (let i = 0; i < count; i++) yield i;
}

Deno.test(
  "inOrder() gives results in the order of the things",
  { permissions: "none" },
  async () => {
    const gates = Array.from({ length: 5 }, gate);
    const results = Array.fromAsync(inOrder(numbers(5), 5, async (i) => {
      await gates[i]?.opened;
      return i;
    }));
    for (const each of gates.toReversed()) each.open();
    assert.deepEqual(await results, [0, 1, 2, 3, 4]);
  },
);

Deno.test("inOrder() works on no more than its jobs at once", { permissions: "none" }, async () => {
  let working = 0;
  let most = 0;
  const results = inOrder(numbers(100), 3, async (i) => {
    most = Math.max(most, ++working);
    for (let turn = 0; turn <= i % 3; turn++) await new Promise((resolve) => setTimeout(resolve));
    working--;
    return i;
  });
  assert.equal((await Array.fromAsync(results)).length, 100);
  assert.equal(most, 3);
});

Deno.test(
  "inOrder() gives a result before the next thing comes",
  { permissions: "none" },
  async () => {
    const second = gate();
    async function* slowly() {
      yield 1;
      await second.opened;
      yield 2;
    }
    const results = inOrder(slowly(), 2, (i) => Promise.resolve(i));
    assert.deepEqual(await results.next(), { done: false, value: 1 });
    second.open();
    assert.deepEqual(await results.next(), { done: false, value: 2 });
    assert.equal((await results.next()).done, true);
  },
);

Deno.test(
  "inOrder() does not run ahead of a slow first without bound",
  { permissions: "none" },
  async () => {
    const first = gate();
    let taken = 0;
    async function* counted() {
      for (let i = 0; i < 1000; i++) {
        taken++;
        yield i;
      }
    }
    const results = Array.fromAsync(inOrder(counted(), 2, async (i) => {
      if (i === 0) await first.opened;
      return i;
    }));
    for (let turn = 0; turn < 10_000; turn++) await Promise.resolve();
    assert.ok(taken < 100, `${taken} taken`);
    first.open();
    assert.equal((await results).length, 1000);
  },
);

Deno.test("inOrder() ends with the failure of work", { permissions: "none" }, async () => {
  const results = inOrder(
    numbers(3),
    2,
    (i) => i === 1 ? Promise.reject(new Error("no")) : Promise.resolve(i),
  );
  await assert.rejects(Array.fromAsync(results), /no/);
});
