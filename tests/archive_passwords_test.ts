/** Passwords of the configuration, tried on archives that come through the gate. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { Gateway } from "./gateway.ts";
import { EICAR, mail } from "./mail.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";

/** A zip with one file, stored and encrypted as PKWARE's APPNOTE.TXT, section 6.1, has it. */
function encryptedZip(name: string, content: Uint8Array, password: string): Uint8Array {
  const step = (crc: number, octet: number) => ~crc32(Uint8Array.of(octet), ~crc >>> 0) >>> 0;
  let [k0, k1, k2] = [0x12345678, 0x23456789, 0x34567890];
  const feed = (octet: number) => {
    k0 = step(k0, octet);
    k1 = (Math.imul((k1 + (k0 & 0xff)) >>> 0, 134775813) + 1) >>> 0;
    k2 = step(k2, k1 >>> 24);
  };
  for (const octet of Buffer.from(password)) feed(octet);
  const sum = crc32(content);
  const plain = Buffer.concat([Buffer.alloc(11, 7), Buffer.of(sum >>> 24), content]);
  const cipher = plain.map((octet) => {
    const t = (k2 | 2) & 0xffff;
    const out = octet ^ ((Math.imul(t, t ^ 1) >>> 8) & 0xff);
    feed(octet);
    return out;
  });
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(1, 2); // encrypted
  common.writeUInt32LE(0x5a210000, 6);
  common.writeUInt32LE(sum, 10);
  common.writeUInt32LE(cipher.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), cipher]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02\x14\x00"),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

Deno.test("archives are opened with the passwords of the configuration and its file", async () => {
  await using sink = await ScriptedSink.start();
  const agents = { in: { nextHop: `smtp://127.0.0.1:${sink.port}` } };
  const scanners = { processes: 1 };
  const message = (password: string, content: string) =>
    mail(`${password.length}@test`, {
      body: "Nothing here tells it.\r\n",
      attachments: [{
        name: "a.zip",
        content: encryptedZip("a.txt", Buffer.from(content), password),
      }],
    });
  await using gateway = await Gateway.start({ agents, config: { scanners } });
  for (const password of ["Listed-1", "in the file ", "Unknown-1"]) {
    assert.equal(await gateway.send(message(password, EICAR)), 451, `${password}: not scanned`);
  }
  await Deno.writeTextFile(`${gateway.directory}/passwords`, "other\r\nin the file \n\n");
  await gateway.writeDocuments({
    agents,
    config: { scanners, archives: { passwords: ["Listed-1"], passwordFile: "./passwords" } },
  });
  const control = await gateway.control();
  try {
    await control.call("reload");
    assert.equal(await gateway.send(message("Listed-1", EICAR)), 550);
    assert.equal(await gateway.send(message("in the file ", EICAR)), 550);
    assert.equal(await gateway.send(message("Unknown-1", EICAR)), 451);
    assert.equal(await gateway.send(message("Listed-1", "harmless")), 250);
    // Not one word of them where people look.
    assert.doesNotMatch(gateway.log, /Listed-1|in the file/);
    assert.doesNotMatch(JSON.stringify((await control.call("status")).result), /Listed-1/);
    await gateway.writeDocuments({
      agents,
      config: { scanners, archives: { passwordFile: "./nothing" } },
    });
    await assert.rejects(control.call("reload"), /nothing, which archives\.passwordFile names/);
    assert.equal(await gateway.send(message("Listed-1", EICAR)), 550, "the old ones stay");
  } finally {
    control.close();
  }
});
