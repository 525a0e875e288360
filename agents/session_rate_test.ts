import assert from "node:assert/strict";
import fc from "fast-check";
import { SessionRate } from "./session_rate.ts";

Deno.test("a client has so many sessions in any minute, and others have theirs", () => {
  const rate = new SessionRate();
  for (let i = 0; i < 10; i++) assert.ok(rate.admit("a", 10, 1000 + i));
  assert.ok(!rate.admit("a", 10, 1010));
  assert.ok(rate.admit("b", 10, 1010));
  assert.ok(!rate.admit("a", 10, 50_000));
  assert.ok(rate.admit("a", 10, 61_500));
  assert.ok(!rate.admit("a", 10, 61_500), "the minute that has ended counts on");
  assert.ok(rate.admit("a", 10, 100_000));
  assert.ok(rate.admit("a", 10, 1_000_000));
});

Deno.test("never more than twice as many in sixty seconds, whenever they come", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 }),
    fc.integer({ min: 1, max: 20 }),
    (steps, most) => {
      const rate = new SessionRate();
      const taken: number[] = [];
      let time = 0;
      for (const step of steps) {
        time += step;
        if (rate.admit("a", most, time)) taken.push(time);
        assert.ok(taken.filter((at) => at > time - 60_000).length <= 2 * most);
      }
    },
  ));
});
