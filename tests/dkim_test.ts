/** Signatures of senders hold over what passes untouched, and over what only got header fields. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { dkimSign, dkimVerify } from "mailauth";
import { messageWay } from "../agents/way.ts";
import { EnginePorts } from "./engine_ports.ts";
import { ENVELOPE, mail } from "./mail.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

const KEY = { signingDomain: "sender.test", selector: "s", privateKey };

/** DNS that knows the one key. */
function resolver(name: string, type: string): Promise<string[][]> {
  if (name === "s._domainkey.sender.test" && type === "TXT") {
    return Promise.resolve([[`v=DKIM1; k=rsa; p=${publicKey.toString("base64")}`]]);
  }
  return Promise.reject(Object.assign(new Error(`no ${type} of ${name}`), { code: "ENOTFOUND" }));
}

async function result(octets: Uint8Array): Promise<string | undefined> {
  const { results } = await dkimVerify(Buffer.from(octets), { resolver });
  return results[0]?.status.result;
}

const BODY = "Some text with trailing blanks  \r\n\r\n  and folds\r\n\r\n\r\n";
const rows: { name: string; settings: unknown; message?: Uint8Array; want: string }[] = [
  { name: "passes untouched", settings: {}, want: "pass" },
  {
    name: "has attachments and passes untouched",
    settings: {},
    message: mail("d", { attachments: [{ name: "a.bin", content: new Uint8Array(500) }] }),
    want: "pass",
  },
  { name: "gets header fields", settings: { marks: { header: "always" } }, want: "pass" },
  { name: "gets a footnote", settings: { marks: { footnote: "always" } }, want: "neutral" },
];
for (const { name, settings, message = mail("d", { body: BODY }), want } of rows) {
  Deno.test(`a DKIM signature over a message that ${name}: ${want}`, async () => {
    for (const canonicalization of ["simple/simple", "relaxed/relaxed"] as const) {
      const { signatures } = await dkimSign(Buffer.from(message), {
        canonicalization,
        ...KEY,
        signatureData: [KEY],
      });
      const signed = Buffer.concat([Buffer.from(signatures), message]);
      assert.equal(await result(signed), "pass");
      const ports = new EnginePorts({ settings });
      const { groups: [group] } = await messageWay(ports, {
        agent: "smtp",
        listener: "smtp",
        queueId: "q",
        time: 0,
        envelope: ENVELOPE,
        message: signed,
        tree: ports.tree,
        nextHop: "smtp://127.0.0.1:25",
        splitting: "copies",
      });
      assert.equal(await result(Buffer.concat(group!.message!)), want);
    }
  });
}
