import assert from "node:assert/strict";
import { account } from "./ledger.ts";
import type { Sent } from "./senders.ts";

const sent = (id: string, more: Partial<Sent> = {}): Sent => ({
  id,
  place: "sink",
  taken: true,
  open: 0,
  ...more,
});
const nowhere = { sink: [], maildir: [], quarantine: [] };

Deno.test("account() finds what is missing, doubled and astray", { permissions: "none" }, () => {
  const messages = [
    sent("well"),
    sent("lost"),
    sent("doubled"),
    sent("explained", { open: 1 }),
    sent("never", { taken: false }),
    sent("unseen", { taken: false, open: 1 }),
    sent("astray", { place: "quarantine" }),
  ];
  const got = account(messages, {
    ...nowhere,
    sink: ["well", "doubled", "doubled", "explained", "explained", "unseen", "astray"],
  });
  assert.equal(got.taken, 5);
  assert.deepEqual(got.missing, ["lost"]);
  assert.deepEqual(got.tooMany, ["doubled: 2 copies, 0 open tries"]);
  assert.deepEqual(got.astray, ["astray in sink"]);
  assert.equal(got.twice, 2);
});

Deno.test("account() does not let an unanswered message lie around for nothing", {
  permissions: "none",
}, () => {
  const got = account([sent("refused", { taken: false })], { ...nowhere, sink: ["refused"] });
  assert.deepEqual(got.tooMany, ["refused: 1 copies, 0 open tries"]);
});
