import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { PosternError } from "../../errors.ts";
import { CORPUS, hasCorpus } from "../../tests/corpus.ts";
import { ACCEPT } from "./packets.ts";
import { PacketDecoder } from "./packet_decoder.ts";
import { MilterSession } from "./session.ts";
import type { MilterStep } from "./session_types.ts";
import { connect, frame, macros, offer } from "./testing/mta.ts";

const OPTIONS = { maxMessageOctets: 1 << 20, maxRecipients: 100 };

/** What an owner answers to a question. */
type Decide = (what: "connect" | "sender" | "recipient") => string | undefined;

/** A session with an owner that decides at once, and all that comes of each packet. */
class Owned {
  readonly session = new MilterSession(OPTIONS);
  readonly messages: { text: string; sender: string; recipients: string[]; user?: string }[] = [];
  readonly #decoder = new PacketDecoder(1 << 21);
  readonly #decide: Decide;

  constructor(decide: Decide = () => undefined) {
    this.#decide = decide;
  }

  /** @returns the commands of the replies to this packet. */
  receive(octets: Uint8Array): string {
    const { packet } = this.#decoder.take(octets);
    return packet ? this.#do(this.session.receive(packet)) : "";
  }

  #do(step: MilterStep): string {
    switch (step.kind) {
      case "none":
      case "dropped":
      case "quit":
        return "";
      case "say":
        return replies(step.octets);
      case "connect":
        return this.#do(this.session.answerConnect(this.#decide("connect")));
      case "sender":
        return this.#do(this.session.answerSender(this.#decide("sender")));
      case "recipient":
        return this.#do(this.session.answerRecipient(this.#decide("recipient")));
      case "message": {
        const { sender, recipients, user } = step.transaction;
        this.messages.push({
          text: Buffer.from(step.collector.message()).toString("latin1"),
          sender,
          recipients: recipients.map(({ address }) => address),
          ...(user === undefined ? {} : { user }),
        });
        return this.#do(this.session.answerMessage(ACCEPT));
      }
    }
  }
}

/** Commands of packets in a row. */
function replies(octets: Uint8Array): string {
  let text = "";
  for (let at = 0; at < octets.length;) {
    text += String.fromCharCode(octets[at + 4]!);
    at += 4 + new DataView(octets.buffer, octets.byteOffset + at, 4).getUint32(0);
  }
  return text;
}

const GREETING = [connect("client.test", "192.0.2.1"), frame("H", "client.test\0")];
const ENVELOPE = [frame("M", "<a@b.test>\0"), frame("R", "<c@d.test>\0")];
const CONTENT = [frame("L", "Subject\0 x\0"), frame("N"), frame("B", "body\r\n"), frame("E")];
const NO_REPLIES = { nr: 0x80 | 0x2000 | 0x10000 | 0x20000 | 0x40000 | 0x80000 };

for (
  const { name, protocol, want } of [
    {
      name: "one reply to each where nothing else is agreed",
      protocol: 0,
      want: "O c c c c c c c a",
    },
    { name: "none where none is agreed", protocol: NO_REPLIES.nr, want: "O c - c c - - - a" },
  ]
) {
  Deno.test(`attack 16: ${name}; none to macros, abort and quit`, { permissions: "none" }, () => {
    const owned = new Owned();
    const said = [offer(6, 0x1ff, protocol), ...GREETING, ...ENVELOPE, ...CONTENT]
      .map((packet) => {
        assert.equal(owned.receive(macros("C", "j", "x")), "");
        return owned.receive(packet) || "-";
      });
    assert.equal(said.join(" "), want);
    assert.equal(owned.receive(frame("A")), "");
    assert.equal(owned.receive(frame("A")), "");
    assert.equal(owned.receive(frame("K")), "");
    assert.equal(owned.receive(frame("Q")), "");
  });
}

const START = [offer(), ...GREETING, ...ENVELOPE];
const broken: { name: string; before: readonly Buffer[]; packet: Buffer }[] = [
  { name: "an offer that is cut short", before: [], packet: frame("O", "\0\0\0\x06\0\0") },
  { name: "version 1", before: [], packet: offer(1) },
  { name: "a command before the offer", before: [], packet: frame("H", "x\0") },
  { name: "CONNECT without a NUL", before: [offer()], packet: frame("C", "host") },
  { name: "CONNECT without an address", before: [offer()], packet: frame("C", "host\x004") },
  { name: "CONNECT with half a port", before: [offer()], packet: frame("C", "host\x004\x01") },
  {
    name: "CONNECT with an address without end",
    before: [offer()],
    packet: frame("C", "host\x004\x01\x01192.0.2.1"),
  },
  {
    name: "CONNECT with what is no address",
    before: [offer()],
    packet: frame("C", "host\x004\x01\x01192.0.2\x00"),
  },
  {
    name: "CONNECT with a family of its own",
    before: [offer()],
    packet: frame("C", "host\x00X\x01\x01192.0.2.1\x00"),
  },
  { name: "a second CONNECT", before: [offer(), ...GREETING], packet: GREETING[0]! },
  { name: "HELO without a NUL", before: START, packet: frame("H", "x") },
  { name: "MAIL without an address", before: START, packet: frame("M") },
  { name: "MAIL before CONNECT", before: [offer()], packet: ENVELOPE[0]! },
  { name: "RCPT without MAIL", before: [offer(), ...GREETING], packet: ENVELOPE[1]! },
  { name: "RCPT without a NUL", before: START, packet: frame("R", "<a@b>") },
  { name: "a header field with a NUL in it", before: START, packet: frame("L", "A\0b\0c\0") },
  { name: "a header field without a value", before: START, packet: frame("L", "A\0") },
  { name: "a header field without an end", before: START, packet: frame("L", "A\0b") },
  { name: "a header field without a name", before: START, packet: frame("L", "\0b\0") },
  { name: "a name that begins another field", before: START, packet: frame("L", "A: x\r\nB\0c\0") },
  {
    name: "a header field in the body",
    before: [...START, frame("B", "x")],
    packet: frame("L", "A\0b\0"),
  },
  { name: "a body without MAIL", before: [offer(), ...GREETING], packet: frame("B", "x") },
  { name: "an end without MAIL", before: [offer(), ...GREETING], packet: frame("E") },
  { name: "macros without a command", before: START, packet: frame("D") },
  { name: "a macro without a value", before: START, packet: frame("D", "Ma\0") },
  { name: "thousands of macros", before: START, packet: frame("D", `M${"a\0b\0".repeat(1000)}`) },
  { name: "an unknown command", before: START, packet: frame("X") },
  { name: "a command named like a method", before: START, packet: frame("_") },
];
for (const { name, before, packet } of broken) {
  Deno.test(`attack 17: ${name} ends the conversation`, { permissions: "none" }, () => {
    const owned = new Owned();
    for (const each of before) owned.receive(each);
    assert.throws(() => owned.receive(packet), { code: "wire/bad-frame" });
    assert.equal(owned.messages.length, 0);
  });
}

Deno.test("attack 17: family U has no address, L has a path, IPv6 may have a prefix", {
  permissions: "none",
}, () => {
  for (
    const [data, want] of [
      ["unknown\x00U", {}],
      ["localhost\x00L\x00\x00/run/x\x00", { name: "localhost" }],
      ["[192.0.2.1]\x004\x01\x02192.0.2.1\x00", { address: "192.0.2.1" }],
      ["h.test\x006\x01\x02IPv6:2001:DB8:0::1\x00", { name: "h.test", address: "2001:db8::1" }],
      ["localhost\x004\x00\x00127.0.0.1\x00", {
        name: "localhost",
        address: "127.0.0.1",
        submitted: true,
      }],
      ["h.test\x004\x00\x00192.0.2.1\x00", { name: "h.test", address: "192.0.2.1" }],
      ["h.test\x006\x01\x02::ffff:192.0.2.7\x00", { name: "h.test", address: "192.0.2.7" }],
    ] as const
  ) {
    const session = new MilterSession(OPTIONS);
    session.receive({ command: "O", data: offer().subarray(5) });
    const step = session.receive({ command: "C", data: Buffer.from(data, "latin1") });
    assert.deepEqual(step, { kind: "connect", client: { ...want, tls: false } });
  }
});

Deno.test(
  "attack 21: nothing of a message is left for the next one",
  { permissions: "none" },
  () => {
    const owned = new Owned();
    owned.receive(offer());
    for (const packet of GREETING) owned.receive(packet);
    // Given up at every point, and then another message on the same connection.
    const first = [
      macros("M", "{auth_authen}", "alice"),
      frame("M", "<alice@b.test>\0"),
      frame("R", "<secret@d.test>\0"),
      frame("L", "Subject\0 secret\0"),
      frame("B", "secret\r\n"),
    ];
    for (let count = 1; count <= first.length; count++) {
      for (const packet of first.slice(0, count)) owned.receive(packet);
      owned.receive(frame("A"));
      for (const packet of [...ENVELOPE, ...CONTENT]) owned.receive(packet);
    }
    // Without ABORT, too: MAIL begins anew.
    for (const packet of [...first, ...ENVELOPE, ...CONTENT]) owned.receive(packet);
    // And with another client on the connection.
    for (const packet of first) owned.receive(packet);
    owned.receive(frame("K"));
    for (const packet of [...GREETING, ...ENVELOPE, ...CONTENT]) owned.receive(packet);
    assert.equal(owned.messages.length, first.length + 2);
    for (const message of owned.messages) {
      assert.deepEqual(message, {
        text: "Subject: x\r\n\r\nbody\r\n",
        sender: "a@b.test",
        recipients: ["c@d.test"],
      });
    }
  },
);

Deno.test(
  "attack 24: folds are LF in packets and CRLF in the message",
  { permissions: "none" },
  () => {
    for (
      const { protocol, value, want } of [
        { protocol: 0x100000, value: " a\n b", want: "S: a\r\n b" },
        { protocol: 0x100000, value: "a", want: "S:a" },
        { protocol: 0x100000, value: "  a", want: "S:  a" },
        { protocol: 0, value: "a\n\tb", want: "S: a\r\n\tb" },
        { protocol: 0, value: " a", want: "S:  a" },
        { protocol: 0, value: "\n a", want: "S:\r\n a" },
        { protocol: 0, value: "", want: "S:" },
        { protocol: 0, value: "a\r\n b", want: "S: a\r\n b" },
      ]
    ) {
      const owned = new Owned();
      for (const packet of [offer(6, 0x1ff, protocol), ...GREETING, ...ENVELOPE]) {
        owned.receive(
          packet,
        );
      }
      for (const packet of [frame("L", `S\0${value}\0`), frame("E", "x")]) owned.receive(packet);
      assert.equal(owned.messages[0]!.text, `${want}\r\n\r\nx`);
    }
  },
);

Deno.test("a refusal at CONNECT holds for every command after it", { permissions: "none" }, () => {
  const owned = new Owned(() => "550 5.7.1 no");
  const said = [offer(6, 0x1ff, 0), ...GREETING, ...ENVELOPE].map((packet) =>
    owned.receive(packet)
  );
  assert.deepEqual(said, ["O", "y", "y", "y", "y"]);
});

Deno.test(
  "any order of packets ends in an error of the wire or goes on",
  { permissions: "none" },
  () => {
    const command = fc.constantFrom(..."ABCDEHKLMNOQRTUXabcz\0".split(""));
    const known = fc.constantFrom(
      offer(),
      ...GREETING,
      ...ENVELOPE,
      ...CONTENT,
      frame("A"),
      frame("K"),
    );
    const any = fc.oneof(
      { weight: 5, arbitrary: known },
      fc.tuple(command, fc.uint8Array({ maxLength: 60 })).map(([each, data]) => frame(each, data)),
    );
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (packets) => {
        const owned = new Owned();
        try {
          for (const packet of [offer(), ...packets]) {
            assert.ok(owned.receive(packet).length <= 1, "more than one reply");
          }
        } catch (error) {
          if (!(error instanceof PosternError)) throw error;
          assert.match(error.code, /^wire\//);
        }
      }),
      { numRuns: 500 },
    );
  },
);

/** Packets of a recorded conversation. */
interface Recorded {
  readonly dir: "mta" | "filter";
  readonly cmd: string;
  readonly data: string;
}

Deno.test("recorded conversations of Postfix: the same number of replies, whole messages", async (test) => {
  const folder = `${CORPUS}proto/capture/milter`;
  if (!await hasCorpus()) return;
  for await (const { name } of Deno.readDir(folder)) {
    await test.step(name, async () => {
      const lines = (await Deno.readTextFile(`${folder}/${name}`)).trim().split("\n");
      const recorded = lines.map((line) => JSON.parse(line) as Recorded);
      // A filter that wanted to hear nothing of client and envelope: this one never agrees to that.
      if (name.startsWith("postfix-minimal")) {
        assert.throws(() => replay(recorded), { code: "wire/bad-frame" });
      } else replay(recorded);
    });
  }
});

function replay(recorded: readonly Recorded[]): void {
  const octets = (line: Recorded) => Buffer.from(line.data, "base64");
  // As if the MTA had offered just what the recorded filter took, so that what follows fits.
  const agreed = octets(recorded.find(({ dir, cmd }) => dir === "filter" && cmd === "O")!);
  const [version, actions, protocol] = [5, 9, 13].map((at) => agreed.readUInt32BE(at));
  let answer: Recorded | undefined;
  const owned = new Owned(() => {
    const reply = answer?.cmd === "y" ? octets(answer).toString("latin1", 5) : undefined;
    if (answer?.cmd === "r") return "550 5.7.1 no";
    if (answer?.cmd === "t") return "451 4.7.1 later";
    return reply?.replaceAll("%%", "%").replace("\0", "");
  });
  // Bits that the recorded filter asked for and this one would not are not in force here.
  let ends = 0;
  for (const [i, line] of recorded.entries()) {
    if (line.dir !== "mta") continue;
    const following = recorded.slice(i + 1);
    const next = following.findIndex(({ dir }) => dir === "mta");
    const answers = following.slice(0, next === -1 ? undefined : next);
    answer = answers.at(-1);
    const packet = line.cmd === "O" ? offer(version, actions, protocol) : octets(line);
    const said = owned.receive(packet);
    if (line.cmd === "E") ends++;
    assert.equal(said.length, Math.min(answers.length, 1), `${line.cmd} got ${said || "nothing"}`);
  }
  assert.equal(owned.messages.length, ends);
  for (const { text, recipients } of owned.messages) {
    assert.match(text, /^[\x21-\x7e]+:|^\r\n/);
    assert.ok(recipients.length > 0);
  }
}
