/** Greylisting at each gate that is asked about recipients, with a greylist that a test speaks for. */
import assert from "node:assert/strict";
import { delegationAgentSchema } from "../policy/advice_config.ts";
import { compilePolicy } from "../policy/compile.ts";
import { decide } from "../policy/decide.ts";
import { startDelegationAgent } from "./delegation/agent.ts";
import { greylisted } from "./greylisting.ts";
import { MilterHarness } from "./milter/testing/harness.ts";
import { frame } from "./milter/testing/mta.ts";
import type { GreylistRequest } from "./ports.ts";
import { FakePorts } from "./smtp/testing/fake_ports.ts";
import { Harness } from "./smtp/testing/harness.ts";
import { RawClient } from "./testing/raw_client.ts";
import { recipientFacts } from "./way.ts";

const POLICY = {
  local: { domains: ["here.test"], networks: ["198.51.100.0/24"] },
  settings: { greylist: { action: "delay", delay: "2m" } },
  rules: [
    { when: { sender: "@friend.test" }, then: { greylist: { action: "pass" } } },
    { name: "nobody", when: { recipient: "nobody@here.test" }, then: { action: "reject" } },
  ],
};
const WAIT = "Greylisted, try again in 120 seconds";
const TERMS = { delay: 120_000, window: 2 * 86_400_000, keep: 36 * 86_400_000, proven: 5 };
/** Whom the tests' greylist knows. */
const knows = ({ recipient }: GreylistRequest) => recipient.startsWith("known") ? 0 : 119_001;
const MAIL = "Subject: x\r\n\r\ntext\r\n";

for (const mode of ["after-queue", "before-queue"]) {
  Deno.test(`smtp, ${mode}: a first try waits, the other recipients go on`, async () => {
    await using all = await Harness.start({
      policy: POLICY,
      config: { mode, xforward: ["127.0.0.1"] },
    });
    all.ports.greylisting = knows;
    const client = await all.connect();
    await client.say("EHLO proxy.test");
    await client.say("XFORWARD ADDR=192.0.2.7");
    const recipients = ["known@here.test", "new@here.test", "nobody@here.test", "known2@here.test"];
    const replies = await client.send("a@sender.test", recipients, MAIL);
    assert.match(replies[1]!, /^250 /);
    assert.equal(replies[2], `451 4.7.1 ${WAIT}`);
    assert.match(replies[3]!, /^550 /);
    assert.match(replies[4]!, /^250 /);
    assert.match(replies.at(-1)!, /^250 /);
    assert.deepEqual(all.ports.asked.map(({ client, recipient }) => [client, recipient]), [
      ["192.0.2.7", "known@here.test"],
      ["192.0.2.7", "new@here.test"],
      ["192.0.2.7", "known2@here.test"],
    ]);
    assert.deepEqual(all.ports.asked[0]!.terms, TERMS);
    // Only who was let in gets it, and the next hop never heard of the other.
    assert.deepEqual(
      all.hop.lines.filter((line) => /^RCPT/i.test(line)).map((line) => line.trim()),
      [
        "RCPT TO:<known@here.test>",
        "RCPT TO:<known2@here.test>",
      ],
    );
    const [waiting] = all.ports.records;
    assert.equal(waiting!.outcomes[0]!.by, "greylist");
    assert.equal(waiting!.outcomes[0]!.action, "defer");
    assert.deepEqual(waiting!.envelope.recipients, ["new@here.test"]);
  });
}

Deno.test("smtp: nothing is asked of mail that never waits", async () => {
  await using all = await Harness.start({ policy: POLICY, config: { xforward: ["127.0.0.1"] } });
  all.ports.greylisting = () => 1000;
  const client = await all.connect();
  await client.say("EHLO proxy.test");
  const rows: [string, string][] = [
    ["192.0.2.7", ""], // bounces, and servers that ask whether the recipient is there
    ["192.0.2.7", "x@friend.test"],
    ["198.51.100.7", "a@sender.test"],
    ["127.0.0.1", "a@sender.test"],
  ];
  for (const [address, sender] of rows) {
    await client.say(`XFORWARD ADDR=${address}`);
    const replies = await client.send(sender, ["b@here.test"], MAIL);
    assert.match(replies[1]!, /^250 /, `${address} <${sender}>`);
  }
  assert.deepEqual(all.ports.asked, []);
});

Deno.test("smtp, before-queue: recipients whose first tries wait otherwise share a message", async () => {
  await using all = await Harness.start({
    policy: {
      ...POLICY,
      groups: { quick: { recipients: "known@here.test", settings: { greylist: { delay: "1s" } } } },
    },
    config: { mode: "before-queue", xforward: ["127.0.0.1"] },
  });
  all.ports.greylisting = knows;
  const client = await all.connect();
  await client.say("EHLO proxy.test");
  await client.say("XFORWARD ADDR=192.0.2.7");
  const replies = await client.send("a@s.test", ["known@here.test", "known2@here.test"], MAIL);
  assert.ok(replies.slice(1, 3).every((reply) => reply.startsWith("250 ")), replies.join("\n"));
  assert.deepEqual(all.ports.asked.map(({ terms }) => terms.delay), [1000, 120_000]);
});

Deno.test("milter: a first try waits, the other recipients go on", async () => {
  await using all = await MilterHarness.start(POLICY);
  all.ports.greylisting = knows;
  const mta = await all.mta();
  const first = await mta.envelope("<a@sender.test>", ["<new@here.test>"]);
  assert.equal(first.command, "y");
  assert.equal(first.data.toString(), `451 4.7.1 ${WAIT}\0`);
  assert.equal((await mta.step("R", frame("R", "<known@here.test>\0"))).command, "c");
  const end = await mta.content({ fields: [["Subject", "x"]], body: "text\r\n" });
  assert.equal(end.final.command, "a");
  assert.deepEqual(all.ports.records.map(({ outcomes }) => outcomes[0]!.by), [
    "greylist",
    "default",
  ]);
});

Deno.test("delegation: a first try is deferred if all else lets it in, at RCPT alone", async () => {
  const ports = new FakePorts(POLICY);
  ports.greylisting = knows;
  const agent = await startDelegationAgent(
    delegationAgentSchema.parse({ agent: "delegation", listen: "127.0.0.1:0" }),
    ports,
  );
  using client = await RawClient.connect(agent.addresses[0]!);
  const ask = async (given: Readonly<Record<string, string>>) => {
    const attributes = {
      request: "smtpd_access_policy",
      protocol_state: "RCPT",
      client_address: "192.0.2.7",
      sender: "a@sender.test",
      recipient: "new@here.test",
      ...given,
    };
    const lines = Object.entries(attributes).map(([name, value]) => `${name}=${value}\n`);
    await client.write(`${lines.join("")}\n`);
    const said = await client.until("\n\n");
    client.take();
    return said.trim();
  };
  assert.equal(await ask({}), `action=DEFER_IF_PERMIT 4.7.1 ${WAIT}`);
  assert.equal(
    await ask({ client_address: "2001:db8::1" }),
    `action=DEFER_IF_PERMIT 4.7.1 ${WAIT}`,
  );
  assert.equal(await ask({ recipient: "known@here.test" }), "action=DUNNO");
  assert.equal(ports.asked.length, 3);
  for (
    const never of [
      { protocol_state: "DATA" },
      { protocol_state: "MAIL" },
      { sender: "" },
      { sasl_username: "ann" },
      { client_address: "unknown" },
      { client_address: "127.0.0.1" },
    ]
  ) assert.equal(await ask(never), "action=DUNNO", JSON.stringify(never));
  assert.match(await ask({ recipient: "nobody@here.test" }), /^action=550 /);
  assert.equal(ports.asked.length, 3);
  agent.close();
  await agent.drain();
});

Deno.test("a greylist that is out of order lets mail in, and the log says so once", async () => {
  const ports = new FakePorts(POLICY);
  const tree = compilePolicy(POLICY);
  const source = {
    agent: "smtp",
    listener: "in",
    time: Date.now(),
    tree,
    envelope: { client: "192.0.2.7", sender: "a@sender.test" },
  } as const;
  const facts = recipientFacts(source, "b@here.test");
  const outcome = decide(tree, "recipient", facts);
  const question = { ports, source, queueId: "q", facts, outcome };
  ports.greylisting = () => Promise.reject(new Error("the disk is full"));
  assert.equal(await greylisted(question), undefined);
  ports.greylisting = () => new Promise(() => {}); // never answers
  assert.equal(await greylisted({ ...question, answerMs: 1 }), undefined);
  assert.equal(ports.logged.length, 1);
  assert.match(ports.logged[0]!, /^error The greylist does not answer.*the disk is full/);
  assert.deepEqual(ports.records, []);
  ports.greylisting = () => 500;
  assert.equal(await greylisted(question), "451 4.7.1 Greylisted, try again in 1 seconds");
});

Deno.test("a policy that does not greylist asks nothing, not even for a moment", () => {
  const ports = new FakePorts({});
  const source = {
    agent: "smtp",
    listener: "in",
    time: 0,
    tree: ports.tree,
    envelope: { client: "192.0.2.7", sender: "a@sender.test" },
  } as const;
  const facts = recipientFacts(source, "b@here.test");
  const outcome = decide(ports.tree, "recipient", facts);
  assert.equal(greylisted({ ports, source, queueId: "q", facts, outcome }), undefined);
  assert.deepEqual(ports.asked, []);
});
