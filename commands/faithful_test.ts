import assert from "node:assert/strict";
import { refuseUnfaithful, unreadable } from "./faithful.ts";

Deno.test("unreadable() names variables that are not UTF-8", { permissions: "none" }, () => {
  const block = Uint8Array.from(
    "HOME=/\0SENDER=a\xff@b\0X=\xc3\xbc\0\0EMPTY=\0L\xe4NG=de\0LAST=\xe4",
    (character) => character.charCodeAt(0),
  );
  assert.deepEqual(unreadable(block), ["SENDER", "L\uFFFDNG", "LAST"]);
  assert.deepEqual(unreadable(new Uint8Array()), []);
});

Deno.test("refuseUnfaithful() takes arguments in UTF-8, and no others", () => {
  refuseUnfaithful(["-f", "jürgen@example.org"]);
  assert.throws(() => refuseUnfaithful(["-f", "j\uFFFDrgen"]), /not UTF-8.*j\uFFFDrgen/);
});
