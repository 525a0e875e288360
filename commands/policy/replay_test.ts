import assert from "node:assert/strict";
import { join } from "node:path";
import { openStore } from "../../store/store.ts";
import { policyText, Workplace } from "./testing/program.ts";
import { record, type RecordInput } from "./testing/records.ts";

/** A node with this log; its policy lets everything pass. */
async function node(log: readonly RecordInput[]): Promise<Workplace> {
  const place = await Workplace.create({
    "policy.ts": policyText({}),
    "strict.ts": policyText({
      rules: [
        { name: "strangers", when: { sender: "@bad.example" }, then: { action: "reject" } },
        {
          name: "lists",
          when: { header: { name: "List-Id", present: true } },
          then: { action: "discard" },
        },
      ],
    }),
    "postern.config.ts":
      `import { defineConfig } from "postern";\nexport default defineConfig({ state: "./state" });\n`,
  });
  await Deno.mkdir(join(place.path, "state"));
  const store = await openStore(join(place.path, "state", "store.kv"));
  for (const given of log) {
    const made = record(given);
    store.appendMessage({
      queueId: made.queueId,
      time: made.time,
      status: made.status,
      record: { ...made },
    });
  }
  await store.close();
  return place;
}

const DAY = 86_400_000;
const from = (sender: string) => ({ sender, recipients: ["b@example.com"], client: "192.0.2.1" });

Deno.test("policy replay lists what changes, counts the rest, and says what it cannot know", async () => {
  const now = Date.now();
  const knowsLists = { headerNames: ["list-id"] };
  await using place = await node([
    { queueId: "old", time: now - 9 * DAY, envelope: from("x@bad.example"), scan: knowsLists },
    { queueId: "one", time: now - DAY, envelope: from("x@bad.example"), scan: knowsLists },
    { queueId: "two", time: now - DAY, scan: knowsLists },
    { queueId: "three", time: now - 5000 },
  ]);
  const ran = await place.postern("policy", "replay", "strict.ts", "--since", "7d");
  assert.equal(ran.error, "");
  assert.match(
    ran.out,
    /one {2}<x@bad\.example> -> <b@example\.com>\n {2}was {7}accept \(default\)/,
  );
  assert.match(ran.out, / {2}would be {2}reject \(rule:strangers\): 550 5\.7\.1 /);
  assert.match(
    ran.out,
    /1 x accept -> reject \(rule:strangers\)\n3 messages: 1 outcomes stay, 1 change\n/,
  );
  assert.match(ran.out, /1 could not be decided: .*\n {2}1: rules ask header list-id\n/);
  assert.doesNotMatch(ran.out, /old/);
  assert.equal(ran.status, 1);

  const same = await place.postern("policy", "replay", "--against", "policy.ts", "--json");
  assert.equal(same.status, 0, same.error);
  const { changes, records, changed } = JSON.parse(same.out);
  assert.deepEqual([changes, records, changed], [[], 3, 0]);

  const json = await place.postern("policy", "replay", "strict.ts", "--json", "--since", "30d");
  const report = JSON.parse(json.out);
  assert.deepEqual(report.changes.map((change: { queueId: string }) => change.queueId), [
    "old",
    "one",
  ]);
  assert.deepEqual(report.changes[0].wouldBe.by, "rule:strangers");
  assert.deepEqual(report.unknown, [{ why: "rules ask header list-id", count: 1 }]);
});

Deno.test("policy replay refuses a moment that is none", async () => {
  await using place = await Workplace.create();
  const ran = await place.postern("policy", "replay", "--since", "yesterday");
  assert.equal(ran.status, 64);
  assert.match(ran.error, /yesterday.*is not a time ago/s);
});
