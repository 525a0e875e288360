import assert from "node:assert/strict";
import { freeOctets, growOctets } from "./free_octets.ts";

Deno.test("large octets are freed, small ones are not touched", () => {
  const large = new Uint8Array(1 << 20).fill(1);
  const view = large.subarray(5, 10);
  freeOctets(large);
  assert.equal(large.length, 0);
  assert.equal(view.length, 0);
  freeOctets(large);

  const small = new Uint8Array(100).fill(1);
  freeOctets(small);
  assert.equal(small.length, 100);

  const shared = new Uint8Array(new SharedArrayBuffer(1 << 20));
  freeOctets(shared);
  assert.equal(shared.length, 1 << 20);
});

Deno.test("octets that grow keep what is used, and free what they were", () => {
  const before = Uint8Array.from({ length: 1 << 20 }, (_, at) => at % 251);
  const used = before.slice(0, 70_000);
  const after = growOctets(before, 70_000, 3 << 20);
  assert.equal(after.length, 3 << 20);
  assert.deepEqual(after.subarray(0, 70_000), used);
  assert.ok(after.subarray(70_000).every((octet) => octet === 0));
  assert.equal(before.length, 0);
});

Deno.test("memory of freed octets comes back without the collector", () => {
  const octets = 8 * 2 ** 20;
  const before = Deno.memoryUsage().external;
  for (let i = 0; i < 20; i++) freeOctets(new Uint8Array(octets).fill(1));
  assert.ok(Deno.memoryUsage().external - before < 2 * octets);
});
