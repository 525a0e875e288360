import { join } from "node:path";
import type { Envelope } from "../policy/types.ts";
import { newQueueId } from "./queue_id.ts";

/**
 * Delivers one message to a Maildir and makes it durable: written to tmp/, fsynced, linked into new/ under a name that did not
 * exist, new/ fsynced. The directory and its three parts are made if missing. Line ends become LF, as in every Maildir, and a
 * Return-Path and a Delivered-To field for each recipient are put before the message (RFC 5321, section 4.4).
 *
 * @param path The Maildir.
 * @param chunks The message, in order.
 * @returns the file's path in new/.
 * @throws what the file system says; nothing is in new/ then.
 */
export async function deliverMaildir(
  path: string,
  envelope: Pick<Envelope, "sender" | "recipients">,
  chunks: readonly Uint8Array[],
): Promise<string> {
  for (const part of ["tmp", "new", "cur"]) {
    await Deno.mkdir(join(path, part), { recursive: true, mode: 0o700 });
  }
  const name = `${Math.floor(Date.now() / 1000)}.${newQueueId()}.${hostname()}`;
  const temporary = join(path, "tmp", name);
  const file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
  try {
    try {
      await writeAll(file, new TextEncoder().encode(traceFields(envelope)));
      const rest = { afterCr: false };
      for (const chunk of chunks) await writeAll(file, unixLines(chunk, rest));
      if (rest.afterCr) await writeAll(file, new Uint8Array([13]));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.link(temporary, join(path, "new", name)); // unlike rename, never over another message
  } finally {
    await Deno.remove(temporary);
  }
  await syncDirectory(join(path, "new"));
  return join(path, "new", name);
}

function hostname(): string {
  return Deno.hostname().replace(/[^A-Za-z0-9.-]/g, "_");
}

function traceFields(envelope: Pick<Envelope, "sender" | "recipients">): string {
  const clean = (address: string) => address.replace(/\p{Cc}/gu, "");
  const recipients = envelope.recipients.map((to) => `Delivered-To: ${clean(to)}\n`);
  return `Return-Path: <${clean(envelope.sender)}>\n${recipients.join("")}`;
}

/** CRLF becomes LF; a CR alone stays. A CR at the end of a chunk waits for the next one. */
function unixLines(chunk: Uint8Array, state: { afterCr: boolean }): Uint8Array {
  const out = new Uint8Array(chunk.length + 1);
  let length = 0;
  let from = 0;
  if (state.afterCr && chunk.length > 0) {
    if (chunk[0] !== 10) out[length++] = 13;
    state.afterCr = false;
  }
  while (true) {
    const cr = chunk.indexOf(13, from);
    const end = cr === -1 ? chunk.length : cr;
    out.set(chunk.subarray(from, end), length);
    length += end - from;
    if (cr === -1) break;
    if (cr === chunk.length - 1) state.afterCr = true;
    else if (chunk[cr + 1] !== 10) out[length++] = 13;
    from = cr + 1;
  }
  return out.subarray(0, length);
}

async function writeAll(file: Deno.FsFile, octets: Uint8Array): Promise<void> {
  let written = 0;
  while (written < octets.length) written += await file.write(octets.subarray(written));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await Deno.open(path, { read: true });
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}
