import assert from "node:assert/strict";
import { Evictions } from "./evictions.ts";

Deno.test(
  "Evictions says the first at once and the others together",
  { permissions: "none" },
  () => {
    let now = 0;
    const said: unknown[] = [];
    const evictions = new Evictions(
      (level, _, fields) => said.push([now, level, fields?.deleted]),
      () => now,
    );
    evictions.flush();
    evictions.note(2);
    for (now = 1000; now < 60_000; now += 1000) evictions.note(1);
    evictions.note(1);
    now = 61_000;
    evictions.note(3);
    evictions.flush();
    evictions.flush();
    assert.deepEqual(said, [[0, "warning", 2], [60_000, "warning", 60], [61_000, "warning", 3]]);
  },
);
