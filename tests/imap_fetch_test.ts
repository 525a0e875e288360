/** The IMAP agent before a real Dovecot: what is clean is what the server has, what is not reaches nobody. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { builtinModules } from "../engine/detect/modules.ts";
import { scan } from "../engine/scan.ts";
import { CORPUS, corpusMail, hasCorpus, manifest, withCrlf } from "./corpus.ts";
import { FETCH_FORMS, startImapGate } from "./imap_gate.ts";
import { EICAR, infectedMail, mail } from "./mail.ts";
import { fetchedText, ImapClient } from "./peers/imap_client.ts";
import { peerTest } from "./peers/peer.ts";
import { virusScan } from "./scan_settings.ts";

/** Only viruses matter: the corpus has spam, and mail that is suspicious by its form. */
const VIRUSES = {
  settings: {
    antispam: { action: "accept" },
    antivirus: { suspicious: "accept", notScanned: "accept" },
    marks: { header: "never" },
  },
} as const;

const SETTINGS = virusScan("mail");

/** EICAR as it stands in a message: as it is, and in base64 at each of its three offsets. */
const HARMFUL = [
  EICAR,
  ...[0, 1, 2].map((offset) =>
    Buffer.from(EICAR).subarray((3 - offset) % 3, 60 + (3 - offset) % 3).toString("base64")
      .slice(0, 76)
  ),
].map((text) => text.slice(0, 60));

function holdsVirus(text: string): boolean {
  const joined = text.replace(/\r\n/g, "");
  return HARMFUL.some((harm) => joined.includes(harm));
}

peerTest(["dovecot-imap"], "300 mails of the corpus come as the server has them", async () => {
  if (!await hasCorpus()) return;
  const real = (await corpusMail(200)).map(({ message }) => message);
  const tricky = (await manifest("mime")).map(({ file }) => file).sort();
  for (let i = 0; real.length < 300; i += 5) {
    real.push(withCrlf(await Deno.readFile(`${CORPUS}${tricky[i]}`)));
  }
  await using gate = await startImapGate({ users: ["bob"], policy: VIRUSES });
  await gate.dovecot.fill("bob", real);
  await using direct = await ImapClient.login(gate.dovecot.ports.imap, "bob", "INBOX");
  await using client = await ImapClient.login(gate.port, "bob", "INBOX");
  const whole = await client.ok("UID FETCH 1:* (UID INTERNALDATE BODY.PEEK[])");
  assert.equal(whole.untagged.length, real.length);
  const infected = gate.ports.records.filter(({ status }) => status !== "clean").length;
  assert.ok(infected < 30, `${infected} of ${real.length} are infected`);
  // The same again by parts: what is clean is the server's own answer.
  const unchanged = new Set<string>();
  const there = await direct.ok("UID FETCH 1:* (UID INTERNALDATE BODY.PEEK[])");
  const same = new Set(whole.untagged); // those that were changed come last
  for (const response of there.untagged) {
    if (same.has(response)) unchanged.add(/UID (\d+)/.exec(response)![1]!);
  }
  // What was not clean and passes all the same (suspicious, not scanned) is unchanged, too.
  assert.ok(unchanged.size >= real.length - infected);
  const uids = [...unchanged].join(",");
  const ascii = there.untagged.filter((response) => !response.includes("\x80"))
    .map((response) => /UID (\d+)/.exec(response)![1]!).filter((uid) => unchanged.has(uid));
  const stable = FETCH_FORMS.filter((each) =>
    !/FLAGS|ALL|FULL|^BODY\[|^RFC822(?:\.TEXT)?$/.test(each)
  ); // no flags in them
  for (const form of stable) {
    // BINARY is made of what was scanned, where the server may have NULs in it.
    const forms = `UID FETCH ${form.includes("BINARY") ? ascii.join(",") : uids} ${
      form.startsWith("(") ? form : `(${form})`
    }`;
    await direct.command(forms); // the server itself answers otherwise from its cache than at first
    const [a, b] = [await direct.command(forms), await client.command(forms)];
    assert.equal(b.status, a.status, `${form}: ${a.text} / ${b.text}`);
    assert.deepEqual(b.untagged, a.untagged, form);
  }
});

peerTest(["dovecot-imap"], "an infected message reaches a client by no form of FETCH", async () => {
  const messages = [
    infectedMail("attached"),
    mail("in the text", { body: `${EICAR}\r\n` }),
    nested(),
    ...await evasions(),
  ];
  const all = `1:${messages.length}`;
  for (const fresh of [true, false]) {
    // Fresh: what one command has learnt is forgotten before the next.
    const config = fresh ? { limits: { cacheTime: "1ms" } } : {};
    await using gate = await startImapGate({ users: ["bob"], config });
    await gate.dovecot.fill("bob", messages);
    for (const form of FETCH_FORMS) {
      for (const uid of ["", "UID "]) {
        const client = await ImapClient.login(gate.port, "bob", "INBOX");
        if (!fresh) await client.ok(`FETCH ${all} (BODY.PEEK[])`);
        const answer = await client.command(`${uid}FETCH ${all} ${form}`);
        for (const text of answer.untagged) {
          assert.ok(!holdsVirus(text), `${form} shows ${text.slice(0, 200)}`);
        }
        client.close();
      }
    }
    if (!fresh) assert.equal(gate.ports.records.length, messages.length); // each was scanned once
  }
});

peerTest(["dovecot-imap"], "all forms of FETCH show one and the same message", async () => {
  await using gate = await startImapGate({ users: ["bob"] });
  await gate.dovecot.fill("bob", [infectedMail("one"), nested()]);
  await using client = await ImapClient.login(gate.port, "bob", "INBOX");
  for (const uid of [1, 2]) {
    const text = async (item: string, ask = item.replace(/^(BODY|BINARY)\[/, "$1.PEEK[")) => {
      const { untagged } = await client.ok(`UID FETCH ${uid} (${ask})`);
      return fetchedText(untagged[0]!, item) ?? assert.fail(`${item} in ${untagged[0]}`);
    };
    const whole = await text("BODY[]");
    const { untagged } = await client.ok(`UID FETCH ${uid} (RFC822.SIZE BODYSTRUCTURE)`);
    assert.match(untagged[0]!, new RegExp(`RFC822.SIZE ${whole.length}[ )]`));
    assert.match(untagged[0]!, /BODYSTRUCTURE \("text" "plain"/);
    const header = await text("BODY[HEADER]");
    assert.equal(header + await text("BODY[TEXT]"), whole);
    assert.equal(await text("RFC822.HEADER") + await text("RFC822.TEXT"), whole);
    assert.equal(await text("RFC822"), whole);
    assert.equal(await text("BODY[1]"), whole.slice(header.length));
    assert.equal(await text("BINARY[1]"), whole.slice(header.length));
    assert.equal(await text("BODY[1.MIME]"), header);
    let pieces = "";
    for (let at = 0; at <= whole.length; at += 100) {
      pieces += await text(`BODY[]<${at}>`, `BODY.PEEK[]<${at}.100>`);
    }
    assert.equal(pieces, whole);
    const { untagged: both } = await client.ok(
      `UID FETCH ${uid} (BODY.PEEK[]<0.10> BODY.PEEK[]<0.20> BODY.PEEK[]<10.5>)`,
    );
    assert.match(both[0]!, /BODY\[\]<0> \{10\}.*BODY\[\]<0> \{20\}.*BODY\[\]<10> \{5\}/s);
  }
});

peerTest(["dovecot-imap"], "\\Seen is what the server makes of it", async () => {
  await using gate = await startImapGate({ users: ["bob"] });
  await gate.dovecot.fill("bob", [infectedMail("one"), mail("two")]);
  await using client = await ImapClient.login(gate.port, "bob", "INBOX");
  await client.ok("FETCH 1:2 (BODY.PEEK[] BODY.PEEK[TEXT])");
  const flags = async () => (await client.ok("FETCH 1:2 (FLAGS)")).untagged;
  for (const response of await flags()) assert.doesNotMatch(response, /\\Seen/);
  const { untagged } = await client.ok("FETCH 1:2 BODY[1]");
  for (const response of untagged) assert.match(response, /FLAGS \([^)]*\\Seen/);
  for (const response of await flags()) assert.match(response, /\\Seen/);
  await using readOnly = await ImapClient.login(gate.port, "bob");
  await readOnly.ok("EXAMINE INBOX");
  await client.ok("STORE 1:2 FLAGS ()");
  await readOnly.ok("FETCH 1 RFC822");
  assert.doesNotMatch((await readOnly.ok("FETCH 1 FLAGS")).untagged.join(), /\\Seen/);
});

/** Mails that hide EICAR by broken or ambiguous MIME, as far as the engine finds it and their octets show it. */
async function evasions(): Promise<Uint8Array[]> {
  if (!await hasCorpus()) return [];
  const found: Uint8Array[] = [];
  for (const { file, expect } of await manifest("evasion")) {
    if (expect !== "infected") continue;
    const message = withCrlf(await Deno.readFile(`${CORPUS}${file}`));
    if (!holdsVirus(Buffer.from(message).toString("latin1"))) continue;
    if (scan(message, SETTINGS, builtinModules()).status === "infected") found.push(message);
  }
  return found;
}

/** EICAR in a message in a message. */
function nested(): Uint8Array {
  return Buffer.concat([
    Buffer.from(
      "From: a@sender.test\r\nTo: b@here.test\r\nSubject: outer\r\nMIME-Version: 1.0\r\n" +
        'Content-Type: multipart/mixed; boundary="out"\r\n\r\n' +
        "--out\r\nContent-Type: message/rfc822\r\n\r\n",
    ),
    Buffer.from(infectedMail("inner")),
    Buffer.from("\r\n--out--\r\n"),
  ]);
}
