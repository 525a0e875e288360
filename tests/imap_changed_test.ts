/** FETCH items that the IMAP agent makes of a changed message, beside what Dovecot makes of the same octets. */
import assert from "node:assert/strict";
import { ChangedMessage } from "../agents/imap/changed_message.ts";
import { piecesToOctets } from "../agents/imap/fetch_response.ts";
import { ArgumentReader, latin1 } from "../agents/imap/pieces.ts";
import { parseItem } from "../agents/imap/sections.ts";
import { CORPUS, corpusMail, hasCorpus, manifest, withCrlf } from "./corpus.ts";
import { mail } from "./mail.ts";
import { startMailboxServer } from "./peers/dovecot_mailboxes.ts";
import { fetchedText, ImapClient } from "./peers/imap_client.ts";
import { peerTest } from "./peers/peer.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Values of sections, as both answer them. */
const SECTIONS = [
  "BODY[]",
  "BODY[HEADER]",
  "BODY[TEXT]",
  "BODY[HEADER.FIELDS (SUBJECT FROM)]",
  "BODY[HEADER.FIELDS.NOT (RECEIVED)]",
  "BODY[1]",
  "BODY[2]",
  "BODY[1.MIME]",
  "BODY[2.MIME]",
  "BODY[1.1]",
  "BODY[1.2]",
  "BODY[2.1]",
  "BODY[1.HEADER]",
  "BODY[2.HEADER]",
  "BODY[1.TEXT]",
  "BODY[]<10>",
];

function made(message: ChangedMessage, name: string): string {
  const item = parseItem(new ArgumentReader([name]));
  return latin1(piecesToOctets(message.value(item, 100)!));
}

/** Values alike: strings without the way they are written, words in lower case. */
function plain(value: string): string {
  return value.replace(/\{\d+\}\r\n/g, "").replace(/\\?"|\\(?=\\)/g, "").replace(/\s+/g, " ")
    .toLowerCase();
}

peerTest(["dovecot-imap"], "items made of a changed message are those of a server", async () => {
  const messages = [mail("one")];
  let real = 1;
  if (await hasCorpus()) {
    messages.push(...(await corpusMail(150)).map(({ message }) => message));
    real = messages.length;
    for (const { file } of (await manifest("mime")).filter((_, i) => i % 3 === 0)) {
      messages.push(withCrlf(await Deno.readFile(`${CORPUS}${file}`)));
    }
  }
  await using temporary = await temporaryDirectory();
  await using dovecot = await startMailboxServer(temporary.path, {
    users: ["bob"],
    protocols: ["imap"],
  });
  await dovecot.fill("bob", messages);
  await using client = await ImapClient.login(dovecot.ports.imap, "bob", "INBOX");
  const answers = await client.ok("FETCH 1:* (BODY.PEEK[] RFC822.SIZE)");
  const different: Record<string, string[]> = {};
  let compared = 0;
  const hold = (name: string, number: number, mine: string, theirs: string) => {
    compared++;
    if (mine !== theirs) {
      (different[name] ??= []).push(
        `${number}:\n  ${mine.slice(0, 600)}\n  ${theirs.slice(0, 600)}`,
      );
    }
  };
  const changed = answers.untagged.map((each) =>
    new ChangedMessage(Uint8Array.from(fetchedText(each, "BODY[]") ?? "", (c) => c.charCodeAt(0)))
  );
  for (const name of SECTIONS) {
    const asked = name.replace("BODY[", "BODY.PEEK[").replace("<10>", "<10.100>");
    const { untagged } = await client.command(`FETCH 1:* (${asked})`);
    for (const response of untagged) {
      const number = Number(/^\* (\d+)/.exec(response)![1]);
      const theirs = fetchedText(response, name) || "NIL"; // Dovecot says "" for what is not there
      const value = made(changed[number - 1]!, name);
      hold(name, number, fetchedText(`${name} ${value}`, name) || "NIL", theirs);
    }
  }
  for (const name of ["ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE"]) {
    const { untagged } = await client.ok(`FETCH 1:* (${name})`);
    for (const response of untagged) {
      const [whole, number] = /^\* (\d+) FETCH \([A-Z0-9.]+ /.exec(response)!;
      const theirs = response.slice(whole.length, -1);
      hold(name, Number(number), plain(made(changed[Number(number) - 1]!, name)), plain(theirs));
    }
  }
  const counts = Object.entries(different).map(([name, all]) => `${name}: ${all.length}`);
  console.log(`${compared} items of ${messages.length} messages; different: ${counts.join(", ")}`);
  const all = Object.values(different).flat();
  const ofReal = all.filter((each) => Number(each.split(":")[0]) <= real).length;
  assert.ok(ofReal <= 10, `${ofReal} items of ${real} real mails are different`);
  // The rest is mail of which no two programs make the same.
  assert.ok(all.length < compared * 0.04, `${all.length} of ${compared} items are different`);
});
