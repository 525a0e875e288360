/** How a quarantined message is shown and written out. */
import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { PosternError } from "../errors.ts";
import type { MessageView } from "../daemon/quarantine_view.ts";
import type { QuarantineEntry } from "../store/types.ts";
import { print, showSize, showSpan, showTime, visible } from "./output.ts";

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

/**
 * Writes a quarantined message where nobody runs it by mistake.
 *
 * @param output Path; `-` is stdout (not a terminal); `""` is `ID.eml.quarantined` in the working directory.
 * @returns where it went: an absolute path, or `stdout`.
 */
export function exportMessage(id: string, output: string, octets: Uint8Array): string {
  if (output === "-") {
    if (Deno.stdout.isTerminal()) {
      throw new PosternError(
        "command/usage",
        "A message is not written to a terminal, which would obey it: name a file or a pipe",
      );
    }
    print(octets);
    return "stdout";
  }
  const path = resolve(output || `${id}.eml.quarantined`);
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  let file: number;
  try {
    file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | (O_NOFOLLOW ?? 0), 0o600);
  } catch (error) {
    throw new PosternError("command/usage", `Cannot write ${path}`, { cause: error });
  }
  try {
    for (let at = 0; at < octets.length;) at += writeSync(file, octets, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return path;
}
