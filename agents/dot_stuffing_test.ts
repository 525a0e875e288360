import assert from "node:assert/strict";
import fc from "fast-check";
import { gather, join } from "./dot_stuffing.ts";

Deno.test("gather() gives the same octets, in pieces no larger than one write", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
    fc.integer({ min: 1, max: 25 }),
    (pieces, most) => {
      const gathered = [...gather(pieces, most)];
      assert.deepEqual(join(gathered), join(pieces));
      for (const piece of gathered) assert.ok(piece.length <= most);
    },
  ));
});
