/** Protocol cases of the corpus beside the repository; skipped where it is absent. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { hasBareLineEnd } from "../line_ends.ts";
import { makeCertificates } from "./testing/certificates.ts";
import { type Client, Harness } from "./testing/harness.ts";

const PROTO = fileURLToPath(new URL("../../../shared/corpus/proto/", import.meta.url));
const here = await Deno.stat(PROTO).then(() => true, () => false);
const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const binary = (base64: string) => atob(base64);

/** The objects of a file of one JSON object a line. */
async function rows<T>(name: string): Promise<T[]> {
  if (!here) return [];
  const text = await Deno.readTextFile(PROTO + name);
  return text.trim().split("\n").map((line) => JSON.parse(line) as T);
}

async function openData(h: Harness): Promise<Client> {
  const client = await h.connect();
  await client.say("EHLO c.example.test");
  await client.say("MAIL FROM:<alice@example.test>");
  await client.say("RCPT TO:<bob@example.test>");
  assert.match(await client.say("DATA"), /^354/);
  return client;
}

const eod = await rows<{ id: string; stream: string; messages: number }>("smtp-eod.jsonl");
for (const { id, stream, messages } of eod) {
  Deno.test(`smtp agent attack 1: end of data, ${id}`, async () => {
    await using h = await Harness.start();
    const client = await openData(h);
    await client.write(binary(stream) + "QUIT\r\n");
    let reply = await client.reply();
    while (reply !== "" && !reply.startsWith("221")) reply = await client.reply();
    assert.equal(h.hop.transactions.length, messages);
    for (const { data } of h.hop.transactions) assert.ok(!hasBareLineEnd(octets(data)));
    const first = h.hop.transactions[0]!;
    assert.equal(first.data.includes("MAIL FROM:<admin"), messages === 1); // it stayed content
  });
}

for (const { id, packets } of await rows<{ id: string; packets: string[] }>("smtp-cut.jsonl")) {
  Deno.test(`smtp agent end of data in two packets, ${id}`, async () => {
    await using h = await Harness.start();
    const client = await openData(h);
    for (const packet of packets) {
      await client.write(packet.replace(/../g, (hex) => String.fromCharCode(parseInt(hex, 16))));
    }
    assert.match(await client.reply(), /^250/);
    assert.equal(h.hop.delivered[0], "From: a\r\n\r\nx\r\n");
  });
}

interface Script {
  readonly id: string;
  readonly steps: readonly [string, string][];
}
const scripts = await rows<Script>("smtp.jsonl");
const certificates = scripts.some((script) => script.steps.some(([kind]) => kind === "tls"))
  ? await makeCertificates()
  : undefined;
for (const { id, steps } of scripts) {
  Deno.test(`smtp agent corpus case ${id}`, async () => {
    await using h = await Harness.start(certificates ? { tlsPem: certificates } : {});
    const client = await h.connect();
    let banner: string | undefined = client.banner;
    for (const [kind, text] of steps) {
      switch (kind) {
        case "s": {
          const reply = banner ?? await client.reply();
          banner = undefined;
          assert.match(reply, new RegExp(text.replace("(?m)", ""), "m"));
          break;
        }
        case "c":
          await client.write(new TextDecoder("latin1").decode(new TextEncoder().encode(text)));
          break;
        case "tls": {
          const conn = await Deno.startTls(client.conn as Deno.TcpConn, {
            hostname: "localhost",
            caCerts: [certificates!.ca],
          });
          await conn.handshake();
          client.conn = conn;
          break;
        }
        case "close":
          client.close();
          break;
        case "none":
          break; // what may not come would stand before the next reply and not match it
        default:
          throw new Error(`Unknown step ${kind}`);
      }
    }
    if (id === "drop-in-data") assert.equal(h.hop.delivered.length, 0);
  });
}

interface Packet {
  readonly dir: "c" | "s";
  readonly data: string;
  readonly eof?: boolean;
}
const captures = here
  ? [...Deno.readDirSync(PROTO + "capture/smtp")].map((entry) => entry.name).sort()
  : [];
for (const name of captures) {
  Deno.test(`smtp agent understands the client recorded in ${name}`, async () => {
    const packets = await rows<Packet>(`capture/smtp/${name}`);
    const said = packets.filter((packet) => packet.dir === "c" && !packet.eof).map((packet) =>
      binary(packet.data)
    );
    await using h = await Harness.start();
    const client = await h.connect();
    // Each packet goes when something was answered, as the client waited for it: replies are not those of the recording.
    for (const text of said) {
      if (/^STARTTLS|^AUTH/i.test(text)) return;
      await client.write(text);
      assert.notEqual(await client.reply(), "");
      if (/^QUIT/m.test(text)) break;
    }
    assert.ok(h.ports.logged.every((line) => !line.startsWith("error")));
  });
}
