import assert from "node:assert/strict";
import fc from "fast-check";
import { complement, nextUp, NO_LIMIT, type Range, rangeOf, union, weekRanges } from "./ranges.ts";

Deno.test("nextUp() is the least number above", { permissions: "none" }, () => {
  assert.equal(nextUp(1), 1 + Number.EPSILON);
  assert.equal(nextUp(0), Number.MIN_VALUE);
  assert.equal(nextUp(-Number.MIN_VALUE), -0);
  assert.equal(nextUp(NO_LIMIT), NO_LIMIT);
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e300 }),
      (value) => nextUp(value) > value,
    ),
  );
});

Deno.test("rangeOf() joins its limits", { permissions: "none" }, () => {
  assert.deepEqual(rangeOf({ atLeast: 5, under: 7 }), [5, 7]);
  assert.deepEqual(rangeOf({ over: 5, atMost: 5 }), undefined);
  assert.deepEqual(rangeOf({ atLeast: 5, atMost: 5 }), [5, nextUp(5)]);
  assert.deepEqual(rangeOf({}), [-NO_LIMIT, NO_LIMIT]);
});

const span = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 })).map((
  [a, b],
): Range => [
  Math.min(a, b),
  Math.max(a, b),
]);
const isIn = (ranges: readonly Range[], value: number) =>
  ranges.some(([from, below]) => value >= from && value < below);

Deno.test(
  "union() and complement() hold the same numbers, and no others",
  { permissions: "none" },
  () => {
    fc.assert(
      fc.property(
        fc.array(span, { maxLength: 6 }),
        fc.integer({ min: -2, max: 22 }),
        (ranges, value) => {
          assert.equal(isIn(union(ranges), value), isIn(ranges, value));
          assert.equal(isIn(complement(ranges), value), !isIn(ranges, value));
          union(ranges).reduce((end, [from, below]) => {
            assert(from > end && below > from);
            return below;
          }, -1);
        },
      ),
    );
  },
);

Deno.test(
  "weekRanges() go over midnight and over the end of the week",
  { permissions: "none" },
  () => {
    assert.deepEqual(weekRanges(["mon"], ["08:00-17:00"]), [[480, 1020]]);
    assert.deepEqual(weekRanges(["mon"], ["22:00-06:00"]), [[1320, 1800]]);
    assert.deepEqual(weekRanges(["sun"], ["22:00-06:00"]), [[0, 360], [9960, 10080]]);
    assert.deepEqual(weekRanges(["tue"]), [[1440, 2880]]);
    assert.deepEqual(weekRanges(), [[0, 10080]]);
  },
);
