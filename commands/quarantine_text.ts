/** How a quarantined message is shown. */
import type { MessageView } from "../daemon/quarantine_view.ts";
import type { QuarantineEntry } from "../store/types.ts";
import { showSize, showSpan, showTime, visible } from "./output.ts";

/** Names of what was found, or why it was not scanned. */
export function findingsOf(entry: QuarantineEntry): string {
  const names = [...new Set(entry.findings.map((finding) => finding.name))];
  return [...names, ...entry.notScanned.map((reason) => `not scanned: ${reason}`)].join(", ");
}

/** One message on a page: what is known of it, its header, and the first lines of its body as they stand. */
export function showEntry(entry: QuarantineEntry, view: MessageView): string {
  const rows: [string, string | undefined][] = [
    ["id", entry.id],
    ["queue id", entry.queueId],
    ["taken", `${showTime(entry.time)} by ${entry.agent} (${entry.listener})`],
    [
      "expires",
      `${showTime(entry.expires)} (in ${showSpan(Math.max(0, entry.expires - Date.now()))})`,
    ],
    ["client", entry.client],
    ["helo", entry.helo],
    ["sender", `<${entry.sender}>`],
    ...entry.recipients.map((each): [string, string] => ["recipient", `<${each}>`]),
    ["subject", entry.subject],
    ["message-id", entry.messageId],
    ["size", `${showSize(entry.size)} (${entry.size} octets)`],
    ["sha256", entry.sha256],
    ["status", entry.status],
    ...entry.findings.map(({ name, part, engine }): [string, string] => [
      "finding",
      `${name} in ${part === "" ? "the message" : `part ${part}`} (${engine})`,
    ]),
    ...entry.notScanned.map((reason): [string, string] => ["not scanned", reason]),
    ["decided by", entry.by],
    ["next hop", entry.nextHop],
    ...entry.history.map(({ time, what, detail }): [string, string] => [
      "history",
      `${showTime(time)} ${what}: ${detail}`,
    ]),
  ];
  const known = rows.filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(12)}${visible(value ?? "")}`);
  const header = view.header.map(({ name, value }) => `| ${name}: ${value}`);
  if (view.headerCut) header.push("| ...");
  const body = view.body.map((line) => `| ${line}`);
  if (view.bodyCut > 0) body.push(`| ... and ${showSize(view.bodyCut)} more`);
  return [...known, "", ...header.map(visible), "|", ...body.map(visible), ""].join("\n");
}
