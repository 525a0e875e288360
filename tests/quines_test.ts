/** Archives that unpack to themselves are answered at once, and never as clean. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync, inflateRawSync } from "node:zlib";
import { builtinModules } from "../engine/detect/modules.ts";
import { PartCache } from "../engine/part_cache.ts";
import { scan, scanRemembering } from "../engine/scan.ts";
import type { Verdict } from "../engine/types.ts";
import { Gateway } from "./gateway.ts";
import { EICAR, ENVELOPE, mail, zippedMail } from "./mail.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { gzipQuine, zipQuine } from "./quines.ts";
import { virusScan } from "./scan_settings.ts";

const SETTINGS = virusScan("auto", { files: 1000, ratio: 250 });

const QUINES = { gzip: gzipQuine(), zip: zipQuine() } as const;

const attached = (content: Uint8Array, ...more: readonly Uint8Array[]) =>
  mail("quine@test", {
    attachments: [content, ...more].map((each, i) => ({ name: `a${i}.bin`, content: each })),
  });

Deno.test("the gzip file and the zip archive are their own content", () => {
  assert.deepEqual(Buffer.from(gunzipSync(QUINES.gzip)), Buffer.from(QUINES.gzip));
  const zip = Buffer.from(QUINES.zip);
  const start = 30 + zip.readUInt16LE(26);
  const content = inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(18)));
  assert.deepEqual(content, zip);
  assert.equal(zip.readUInt32LE(22), zip.length);
});

for (const [name, octets] of Object.entries(QUINES)) {
  const rows: readonly { what: string; message: Uint8Array; infected?: boolean }[] = [
    { what: "alone", message: octets },
    { what: "attached", message: attached(octets) },
    { what: "attached twice", message: attached(octets, octets) },
    { what: "in two archives", message: zippedMail("quine@test", octets, 2) },
    { what: "in gzip", message: attached(gzipSync(octets)) },
    { what: "behind EICAR", message: attached(Buffer.from(EICAR), octets), infected: true },
  ];
  for (const { what, message, infected = false } of rows) {
    Deno.test(`scan() of a ${name} quine ${what} is not scanned for its depth`, () => {
      const judge = (verdict: Verdict) => {
        assert.equal(verdict.status, infected ? "infected" : "notScanned");
        assert.deepEqual(verdict.notScanned, ["depth"]);
        assert.ok(verdict.parts.length < 10, JSON.stringify(verdict.parts));
      };
      judge(scan(message, SETTINGS, builtinModules()));
      // Nor is it forgotten when its parts are remembered.
      const cache = new PartCache();
      for (let time = 0; time < 2; time++) {
        judge(scanRemembering(message, SETTINGS, builtinModules(), {}, cache));
      }
    });
  }
}

Deno.test("a gateway that lets pass what is clean lets no quine pass", async () => {
  await using gateway = await Gateway.start({
    agents: { in: { nextHop: "maildir:./state/Maildir" } },
    policy: { settings: { antivirus: { infected: "reject", notScanned: "reject" } } },
  });
  const send = (message: Uint8Array) => sendMail(gateway.port("in"), { ...ENVELOPE, message });
  for (const octets of Object.values(QUINES)) {
    const { code, text } = await send(attached(octets));
    assert.equal(code, 550, `${text}\n${gateway.log}`);
  }
  await gateway.logged(/msg=mail .*depth/);
  assert.equal((await send(mail("clean@test"))).code, 250);
});
