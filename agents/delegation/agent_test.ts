import assert from "node:assert/strict";
import { delegationAgentSchema } from "../../policy/advice_config.ts";
import { compilePolicy } from "../../policy/compile.ts";
import type { RunningAgent } from "../ports.ts";
import { FakePorts } from "../smtp/testing/fake_ports.ts";
import { RawClient } from "../testing/raw_client.ts";
import { startDelegationAgent } from "./agent.ts";

const POLICY = {
  local: { domains: ["here.test"] },
  lists: { bad: { clients: ["192.0.2.0/24"], senders: ["@spam.test"] } },
  rules: [
    {
      name: "clients",
      when: { client: { list: "bad" } },
      then: { action: "reject", reply: "554 5.7.1 Go away" },
    },
    { name: "senders", when: { sender: { list: "bad" } }, then: { action: "reject" } },
    { name: "nobody", when: { recipient: "nobody@here.test" }, then: { action: "defer" } },
    { name: "drop", when: { recipient: "drop@here.test" }, then: { action: "discard" } },
    { name: "out", when: { direction: "outbound", tls: false }, then: { action: "reject" } },
  ],
};

class Harness implements AsyncDisposable {
  readonly ports = new FakePorts(POLICY);
  agent!: RunningAgent;

  static async start(config: object = {}): Promise<Harness> {
    const harness = new Harness();
    const parsed = delegationAgentSchema.parse({
      agent: "delegation",
      listen: "127.0.0.1:0",
      ...config,
    });
    harness.agent = await startDelegationAgent(parsed, harness.ports);
    return harness;
  }

  get address(): string {
    return this.agent.addresses[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.close();
    await this.agent.drain();
  }
}

const request = (attributes: Readonly<Record<string, string>>) =>
  `${
    Object.entries({ request: "smtpd_access_policy", ...attributes })
      .map(([name, value]) => `${name}=${value}\n`).join("")
  }\n`;

Deno.test("each state of the session is decided by what is known then", async () => {
  await using at = await Harness.start();
  const known = { client_address: "198.51.100.7", client_name: "unknown", sender: "a@s.test" };
  const bad = { ...known, client_address: "192.0.2.7" };
  const rows: [string, Readonly<Record<string, string>>, RegExp][] = [
    ["a client", { protocol_state: "CONNECT", ...known }, /^DUNNO$/],
    ["a blocked client", { protocol_state: "CONNECT", ...bad }, /^554 5\.7\.1 Go away$/],
    ["a blocked client at EHLO", { protocol_state: "EHLO", ...bad }, /^554 /],
    [
      "a sender before MAIL",
      { protocol_state: "EHLO", ...known, sender: "x@spam.test" },
      /^DUNNO$/,
    ],
    [
      "a blocked sender",
      { protocol_state: "MAIL", ...known, sender: "x@SPAM.test" },
      /^5\d\d 5\.7\.1 /,
    ],
    ["a recipient", { protocol_state: "RCPT", ...known, recipient: "b@here.test" }, /^DUNNO$/],
    [
      "a deferred one",
      { protocol_state: "RCPT", ...known, recipient: "nobody@here.test" },
      /^4\d\d /,
    ],
    ["one whose mail is dropped later", {
      protocol_state: "RCPT",
      ...known,
      recipient: "drop@here.test",
    }, /^DUNNO$/],
    [
      "outbound without TLS",
      {
        protocol_state: "RCPT",
        ...known,
        sender: "b@here.test",
        sasl_username: "b",
        recipient: "c@far.test",
      },
      /^5\d\d /,
    ],
    [
      "outbound with TLS",
      {
        protocol_state: "RCPT",
        ...known,
        sender: "b@here.test",
        recipient: "c@far.test",
        sasl_username: "b",
        encryption_protocol: "TLSv1.3",
      },
      /^DUNNO$/,
    ],
    [
      "the end",
      { protocol_state: "END-OF-MESSAGE", ...known, recipient: "b@here.test" },
      /^DUNNO$/,
    ],
    ["nothing known", {}, /^DUNNO$/],
  ];
  using client = await RawClient.connect(at.address);
  for (const [name, attributes, want] of rows) {
    await client.write(request(attributes));
    const said = await client.until("\n\n");
    assert.match(/^action=(.*)\n\n$/.exec(said)?.[1] ?? said, want, name);
    client.take();
  }
  assert.equal(at.agent.status()["messages"], rows.length);
  const refused = at.ports.records.filter(({ status }) => status === "refused");
  assert.equal(refused.length, 5);
  assert.equal(refused[0]?.agent, "delegation");
});

Deno.test("many requests at once are answered in their order", async () => {
  await using at = await Harness.start();
  using client = await RawClient.connect(at.address);
  const ask = (recipient: string) =>
    request({
      protocol_state: "RCPT",
      client_address: "198.51.100.7",
      sender: "a@s.test",
      recipient,
    });
  await client.write(ask("b@here.test") + ask("nobody@here.test") + ask("b@here.test"));
  await client.closeWrite();
  const said = await client.all();
  assert.match(said, /^action=DUNNO\n\naction=4\d\d [^\n]*\n\naction=DUNNO\n\n$/);
});

Deno.test("what is no request ends the session without an answer", async () => {
  await using at = await Harness.start();
  for (const text of ["GET / HTTP/1.1\r\n\r\n", "x".repeat(100_000), "a=b\n".repeat(1000)]) {
    using client = await RawClient.connect(at.address);
    await client.write(text).catch(() => {});
    assert.equal(await client.all(), "");
  }
  using client = await RawClient.connect(at.address);
  await client.write(request({ protocol_state: "RCPT", recipient: "b@here.test" }));
  await client.until("action=DUNNO\n\n");
});

Deno.test("a connection that says nothing is closed", async () => {
  await using at = await Harness.start({ limits: { commandTime: "1s" } });
  using client = await RawClient.connect(at.address);
  await client.write("request=smtpd_access_policy\n");
  assert.equal(await client.all(), "");
});

Deno.test("a request that is being answered when the agent drains has its answer", async () => {
  await using at = await Harness.start();
  const ports = at.ports;
  const begun = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  ports.greylisting = async () => {
    begun.resolve();
    await asked.promise;
    return 0;
  };
  ports.tree = compilePolicy({ settings: { greylist: { action: "delay" } } });
  using client = await RawClient.connect(at.address);
  await client.write(request({
    protocol_state: "RCPT",
    client_address: "198.51.100.7",
    sender: "a@s.test",
    recipient: "b@here.test",
  }));
  await begun.promise;
  const drained = at.agent.drain();
  asked.resolve();
  assert.equal(await client.all(), "action=DUNNO\n\n");
  await drained;
});
