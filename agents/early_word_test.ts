import assert from "node:assert/strict";
import type { Envelope } from "../policy/types.ts";
import { earlyWord, refuseEarly } from "./early_word.ts";
import { FakePorts } from "./smtp/testing/fake_ports.ts";
import type { FactsSource } from "./way.ts";

const POLICY = {
  rules: [
    { name: "net", when: { client: "192.0.2.0/24" }, then: { action: "reject" } },
    { name: "from", when: { sender: "@bad.test" }, then: { action: "defer" } },
    { name: "to", when: { recipient: "gone@here.test" }, then: { action: "reject" } },
  ],
};

const CASES: readonly {
  name: string;
  envelope: Partial<Envelope>;
  recipient?: string;
  phase: string;
  reply?: RegExp;
  to?: readonly string[];
}[] = [
  { name: "a client", envelope: { client: "192.0.2.1" }, phase: "connect", reply: /^550 / },
  { name: "another client", envelope: { client: "198.51.100.1" }, phase: "connect" },
  { name: "a sender", envelope: { sender: "x@bad.test" }, phase: "sender", reply: /^451 / },
  { name: "the null sender", envelope: { sender: "" }, phase: "sender" },
  {
    name: "a recipient",
    envelope: { sender: "" },
    recipient: "gone@here.test",
    phase: "recipient",
    reply: /^550 /,
    to: ["gone@here.test"],
  },
  {
    name: "a recipient without a sender, who is not asked about yet",
    envelope: {},
    recipient: "gone@here.test",
    phase: "connect",
  },
];

for (const { name, envelope, recipient, phase, reply, to = [] } of CASES) {
  Deno.test(`the early word on ${name}`, () => {
    const ports = new FakePorts(POLICY);
    const source: FactsSource = {
      agent: "smtp",
      listener: "mx",
      time: 0,
      tree: ports.policy(),
      envelope,
    };
    const word = earlyWord(source, recipient);
    assert.equal(word.phase, phase);
    const refusal = refuseEarly(ports, source, word, "q1");
    if (reply === undefined) {
      assert.equal(refusal, undefined);
      assert.deepEqual(ports.records, []);
      return;
    }
    assert.match(refusal ?? "", reply);
    assert.deepEqual(
      ports.records.map((each) => [each.queueId, each.envelope.recipients, each.status]),
      [["q1", to, "refused"]],
    );
  });
}
