/** TNEF as readers open it. */
import assert from "node:assert/strict";
import { concat } from "./octets.ts";
import { ascii, contentsOf, numbers, openAll } from "./testing/open.ts";
import { untnef } from "./tnef.ts";

const none = { permissions: "none" } as const;

function attribute(level: number, type: number, id: number, value: Uint8Array): Uint8Array {
  const sum = value.reduce((before, octet) => before + octet, 0) & 0xffff;
  return concat([
    numbers([level, 1], [id, 2], [type, 2], [value.length, 4]),
    value,
    numbers([sum, 2]),
  ]);
}

/** Types that stand beside the ids: as specified, another one, and none. */
for (const [title, data] of [[1, 6], [6, 1], [0, 0], [0xffff, 0xffff]] as const) {
  Deno.test(
    `untnef() gives an attachment whose attributes have types ${title} and ${data}`,
    none,
    () => {
      const octets = concat([
        numbers([0x223e9f78, 4], [1, 2]),
        attribute(1, 8, 0x9006, numbers([0x10000, 4])),
        attribute(2, 6, 0x9002, numbers([1, 2])),
        attribute(2, title, 0x8010, ascii("a.txt\0")),
        attribute(2, data, 0x800f, ascii("what it holds")),
      ]);
      assert.deepEqual(contentsOf(openAll(untnef, octets)), [["a.txt", "what it holds"]]);
    },
  );
}
