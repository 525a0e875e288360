import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { PosternError } from "../../errors.ts";
import { PacketDecoder } from "./packet_decoder.ts";
import { frame } from "./testing/mta.ts";

/** Packets of a stream that comes in these chunks. */
function packets(chunks: readonly Uint8Array[], maxOctets: number): string[] {
  const decoder = new PacketDecoder(maxOctets);
  const found: string[] = [];
  for (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      const { used, packet } = decoder.take(rest);
      assert.ok(used > 0);
      rest = rest.subarray(used);
      if (packet) found.push(packet.command + Buffer.from(packet.data).toString("latin1"));
    }
  }
  return found;
}

const cases: { name: string; input: Buffer; want: string[] | PosternError["code"] }[] = [
  {
    name: "cuts two packets",
    input: Buffer.concat([frame("H", "x\0"), frame("Q")]),
    want: ["Hx\0", "Q"],
  },
  { name: "takes one of the limit", input: frame("B", "1234567"), want: ["B1234567"] },
  { name: "refuses one past it", input: frame("B", "12345678"), want: "wire/too-long" },
  { name: "refuses no command", input: Buffer.alloc(4), want: "wire/bad-frame" },
  {
    name: "refuses 4 GB without waiting",
    input: Buffer.from("ffffffff", "hex"),
    want: "wire/too-long",
  },
  { name: "refuses text", input: Buffer.from("EHLO x\r\n"), want: "wire/too-long" },
];
for (const { name, input, want } of cases) {
  Deno.test(`PacketDecoder.take() ${name}`, { permissions: "none" }, () => {
    for (let cut = 0; cut <= input.length; cut++) {
      const run = () => packets([input.subarray(0, cut), input.subarray(cut)], 8);
      if (typeof want === "string") assert.throws(run, { code: want });
      else assert.deepEqual(run(), want);
    }
  });
}

Deno.test("PacketDecoder.take() stays failed", { permissions: "none" }, () => {
  const decoder = new PacketDecoder(8);
  assert.throws(() => decoder.take(Buffer.from("GET / HTTP/1.1")), { code: "wire/too-long" });
  assert.equal(Buffer.from(decoder.seen).toString(), "GET / HTTP/1.1");
  assert.throws(() => decoder.take(frame("Q")), { code: "wire/too-long" });
});

Deno.test(
  "PacketDecoder allocates what has come, not what is promised",
  { permissions: "none" },
  () => {
    const decoder = new PacketDecoder(1 << 20);
    decoder.take(Buffer.from([0, 0x10, 0, 0, 0x42, 1, 2, 3]));
    assert.ok(decoder.partial);
    assert.ok(decoder.capacity <= 4096);
  },
);

Deno.test(
  "PacketDecoder gives the same packets however a stream is cut",
  { permissions: "none" },
  () => {
    const packet = fc.tuple(fc.constantFrom("A", "B", "L", "D"), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(fc.array(packet), fc.array(fc.nat(2000)), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(([command, data]) => frame(command, data)));
        const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, stream.length))])]
          .sort((a, b) => a - b);
        const chunks = places.map((at, i) => stream.subarray(at, places[i + 1]));
        assert.deepEqual(
          packets(chunks, 301),
          sent.map(([command, data]) => command + Buffer.from(data).toString("latin1")),
        );
      }),
    );
  },
);

Deno.test(
  "PacketDecoder never breaks on garbage but by its own errors",
  { permissions: "none" },
  () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(500), (octets, cut) => {
        try {
          packets([octets.subarray(0, cut), octets.subarray(cut)], 100);
        } catch (error) {
          assert.match((error as PosternError).code, /^wire\//);
        }
      }),
    );
  },
);
