import assert from "node:assert/strict";
import { InFlight } from "./in_flight.ts";

Deno.test(
  "InFlight.reserve() grants to the limit and not one octet more",
  { permissions: "none" },
  () => {
    const account = new InFlight(10);
    assert.ok(account.reserve(10));
    assert.ok(!account.reserve(1));
    account.release(1);
    assert.ok(account.reserve(1));
  },
);

Deno.test("InFlight.wait() serves in order, and what is larger than the limit when it is alone", {
  permissions: "none",
}, async () => {
  const account = new InFlight(10);
  const served: string[] = [];
  const note = (name: string) => () => served.push(name);
  await account.wait(6);
  const large = account.wait(50).then(note("large"));
  const small = account.wait(1).then(note("small"));
  assert.ok(!account.reserve(1), "nobody overtakes who waits");
  account.release(6);
  await large;
  assert.deepEqual(served, ["large"]);
  account.release(50);
  await small;
  assert.equal(account.held, 1);
});

Deno.test("InFlight.limit lets in who waits when it grows", { permissions: "none" }, async () => {
  const account = new InFlight(1);
  await account.wait(1);
  const waiting = account.wait(5);
  account.limit = 6;
  await waiting;
  assert.equal(account.held, 6);
});
