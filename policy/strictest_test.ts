import assert from "node:assert/strict";
import { DEFAULT_SETTINGS } from "./defaults.ts";
import { strictest } from "./strictest.ts";
import { type Action, ACTIONS, type Outcome } from "./types.ts";

function outcome(action: Action, quarantine = action === "quarantine"): Outcome {
  return { final: true, action, quarantine, settings: DEFAULT_SETTINGS, by: "default" };
}

Deno.test("strictest() takes reject, defer, quarantine, discard, redirect, accept in this order", {
  permissions: "none",
}, () => {
  const order: readonly Action[] = [
    "reject",
    "defer",
    "quarantine",
    "discard",
    "redirect",
    "accept",
  ];
  assert.deepEqual([...order].sort(), [...ACTIONS].sort());
  for (let i = 0; i < order.length; i++) {
    const some = order.slice(i).map((action) => outcome(action)).reverse();
    assert.equal(strictest(some).action, order[i]);
  }
});

Deno.test("strictest() keeps a copy if anyone's outcome does", { permissions: "none" }, () => {
  assert.equal(strictest([outcome("accept", true), outcome("reject")]).quarantine, true);
  assert.equal(strictest([outcome("quarantine"), outcome("defer")]).quarantine, false);
  const only = outcome("accept");
  assert.equal(strictest([only]), only);
  assert.throws(() => strictest([]), RangeError);
});
