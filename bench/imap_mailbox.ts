/**
 * A mailbox of many messages, read from Dovecot itself and through the IMAP agent: how long a program waits for its lists, for one
 * message, for pieces of one, and for many whole ones. Needs root and Dovecot.
 *
 *     deno run -A bench/imap_mailbox.ts [MESSAGES]
 */
import { Gateway } from "../tests/gateway.ts";
import { mail } from "../tests/mail.ts";
import { startMailboxServer } from "../tests/peers/dovecot_mailboxes.ts";
import { ImapClient } from "../tests/peers/imap_client.ts";
import { temporaryDirectory } from "../tests/temporary.ts";

const count = Number(Deno.args[0] ?? 50_000);
const middle = Math.ceil(count / 2);
/** Attachment of every hundredth message, octets. */
const ATTACHED = 1_000_000;

function message(number: number): Uint8Array {
  const attachments = number % 100 === 0
    ? [{ name: "data.bin", content: new Uint8Array(ATTACHED).map((_, i) => i * number) }]
    : [];
  return mail(`${number}`, { body: "A line of text.\r\n".repeat(50), attachments });
}

await using directory = await temporaryDirectory();
await using dovecot = await startMailboxServer(directory.path, {
  users: ["bob"],
  protocols: ["imap"],
});
console.log(`filling a mailbox with ${count} messages`);
await dovecot.fill("bob", Array.from({ length: count }, (_, i) => message(i + 1)));
await using gateway = await Gateway.start({
  agents: { imap: { agent: "imap", server: `imap://127.0.0.1:${dovecot.ports.imap}` } },
  config: { user: "root" },
});

async function time(client: ImapClient, command: string): Promise<string> {
  const began = performance.now();
  const { untagged } = await client.ok(command);
  const ms = performance.now() - began;
  const octets = untagged.reduce((sum, each) => sum + each.length, 0);
  return `${ms.toFixed(0).padStart(7)} ms ${(octets / 1e6).toFixed(1).padStart(6)} MB`;
}

// Dovecot makes its own index once.
await using warm = await ImapClient.login(dovecot.ports.imap, "bob", "INBOX");
await warm.ok("FETCH 1:* (RFC822.SIZE ENVELOPE BODYSTRUCTURE)");

const LISTS = [
  ["flags", "FETCH 1:* (FLAGS)"],
  ["list of mbsync", "UID FETCH 1:* (UID FLAGS RFC822.SIZE)"],
  [
    "list of Thunderbird",
    "UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID)])",
  ],
  ["list of a web client", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"],
  ["search", "UID SEARCH SUBJECT 4999"],
  ["one message, cold", `UID FETCH ${middle + 1} (UID BODY.PEEK[])`],
  ["one message, warm", `UID FETCH ${middle + 1} (UID BODY.PEEK[])`],
  ["1 MB message, cold", `UID FETCH ${middle} (UID BODY.PEEK[])`],
  ["1 MB message, warm", `UID FETCH ${middle} (UID BODY.PEEK[])`],
  ["64 KB of it", `UID FETCH ${middle} (BODY.PEEK[]<500000.65536>)`],
  ["50 headers", `UID FETCH ${middle}:${middle + 49} (UID ENVELOPE RFC822.SIZE)`],
  ["1000 messages, cold", "UID FETCH 1:1000 (UID BODY.PEEK[])"],
  ["1000 messages, warm", "UID FETCH 1:1000 (UID BODY.PEEK[])"],
] as const;
console.log(`\n${"".padEnd(24)}${"Dovecot".padStart(20)}${"through the agent".padStart(24)}`);
await using direct = await ImapClient.connect(dovecot.ports.imap);
await direct.ok("LOGIN bob secret");
await using client = await ImapClient.connect(gateway.port("imap"));
await client.ok("LOGIN bob secret");
await client.ok("EXAMINE INBOX");
await client.ok("FETCH 2 BODY.PEEK[]"); // the scanners are up
console.log(
  `${"select".padEnd(24)}${await time(direct, "SELECT INBOX")}    ${await time(
    client,
    "SELECT INBOX",
  )}`,
);
for (const [what, command] of LISTS) {
  if (what.endsWith("cold")) { // Dovecot looks through its directory before the first body of a session
    for (const each of [direct, client]) await each.ok("UID FETCH 3 (UID BODY.PEEK[])");
  }
  console.log(`${what.padEnd(24)}${await time(direct, command)}    ${await time(client, command)}`);
}
const control = await gateway.control();
const { result } = await control.call("status");
console.log(`\n${JSON.stringify((result as { agents: unknown }).agents, null, 1)}`);
control.close();
