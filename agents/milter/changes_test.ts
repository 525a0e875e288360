/** What must be changed and what becomes of recipients, where the MTA's grants or the policy's rules stand in each other's way. */
import assert from "node:assert/strict";
import { MilterHarness } from "./testing/harness.ts";
import { modified } from "./testing/mta.ts";

const octets = (text: string) => new TextEncoder().encode(text);

Deno.test("milter: what cannot be written in one reading with this MTA is refused, not let in", async () => {
  for (
    const [actions, final] of [[0x1ff, "a"], [0x1ff & ~0x2, "y"], [0x1ff & ~0x10, "y"]] as const
  ) {
    await using all = await MilterHarness.start({
      settings: { antivirus: { ambiguous: "rewrite" } },
    });
    const { ports } = all;
    const scan = ports.scan.bind(ports);
    ports.scan = async (message, ...rest) => {
      const twofold = new TextDecoder().decode(message).includes("TWOFOLD");
      const ambiguities = twofold ? [{ name: "duplicate-field" as const, part: "" }] : [];
      return { ...await scan(message, ...rest), ambiguities };
    };
    ports.rewrite = (message) => {
      const text = new TextDecoder().decode(message).replaceAll("TWOFOLD", "single");
      const headerEnd = text.indexOf("\r\n\r\n") + 2;
      const layout = { headerEnd, lineEnd: "\r\n" as const, ownFields: [] };
      return Promise.resolve({ message: octets(text), failed: [], layout });
    };
    const mta = await all.mta(6, actions);
    const mail = {
      sender: "<a@sender.test>",
      recipients: ["<b@here.test>"],
      fields: [["From", "<a@sender.test>"], ["X", "TWOFOLD"]] as const,
      body: "TWOFOLD\r\n",
    };
    const end = await mta.message(mail);
    assert.equal(end.final.command, final, `granted: ${actions}`);
    if (final === "a") assert.equal(modified(mail, end, true).body, "single\r\n");
    else assert.match(end.final.data.toString(), /^451 4\.7\.1 /);
  }
});

Deno.test("milter: whoever gets the copy of others is not taken out behind them", async () => {
  await using all = await MilterHarness.start({
    rules: [
      { name: "hole", when: { recipient: "archive@here.test" }, then: { action: "discard" } },
      {
        name: "moved",
        when: { status: "infected" },
        then: { action: "redirect", redirect: "archive@here.test" },
      },
    ],
  });
  const mta = await all.mta();
  const end = await mta.message({
    sender: "<a@sender.test>",
    recipients: ["<archive@here.test>", "<b@here.test>"],
    fields: [["From", "<a@sender.test>"]],
    body: "INFECTED\r\n",
  });
  assert.equal(end.final.command, "a");
  const changes = end.modifications.map(({ command, data }) => command + data.toString());
  const place = (change: string) => changes.findIndex((each) => each.startsWith(change));
  assert.ok(place("-<archive@here.test>") >= 0);
  assert.ok(place("-<b@here.test>") >= 0);
  assert.ok(place("+<archive@here.test>") > place("-<archive@here.test>"));
});
