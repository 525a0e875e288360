import assert from "node:assert/strict";
import { crc32 } from "./crc32.ts";

Deno.test("crc32() gives the check value of its catalogue, whole or in parts", {
  permissions: "none",
}, () => {
  const octets = new TextEncoder().encode("123456789");
  assert.equal(crc32(octets), 0xcbf43926);
  for (let cut = 0; cut <= octets.length; cut++) {
    assert.equal(crc32(octets.subarray(cut), crc32(octets.subarray(0, cut))), 0xcbf43926);
  }
  assert.equal(crc32(new Uint8Array()), 0);
});
