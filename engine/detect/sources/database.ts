/**
 * ClamAV's containers of sources: .cvd, .cld, .cud. A header of 512 octets, then a tar, mostly compressed by gzip. The header's
 * signature is ClamAV's and is not checked: who fetched the file has to know from where.
 *
 * @see ClamAV documentation, "CVD file"
 */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { PosternError } from "../../../errors.ts";
import { Budget } from "../../budget.ts";
import { Passwords } from "../../unpack/passwords.ts";
import { untar } from "../../unpack/tar.ts";
import { MAX_SOURCE_OCTETS } from "../limits.ts";

const HEADER_OCTETS = 512;

/** A file of sources. */
export interface SourceFile {
  readonly name: string;
  readonly octets: Uint8Array;
}

/** What a container holds, and what its header says. */
export interface Database {
  readonly version: string;
  /** When it was made, ms since 1970; absent where it does not say. */
  readonly date?: number;
  readonly files: readonly SourceFile[];
}

/**
 * Opens a container.
 *
 * @throws {PosternError} `"module/source"` where it is damaged.
 */
export function openDatabase(file: string, octets: Uint8Array): Database {
  const header = new TextDecoder("latin1").decode(octets.subarray(0, HEADER_OCTETS)).trim();
  const [magic, , version = "", , , md5 = "", , , seconds = ""] = header.split(":");
  if (magic !== "ClamAV-VDB") throw failure(file, "it does not begin as one");
  const body = octets.subarray(HEADER_OCTETS);
  // Of a .cld the hash is that of the .cvd that it was before its updates: it is an x or does not agree.
  const isUpdated = file.toLowerCase().endsWith(".cld");
  if (!isUpdated && createHash("md5").update(body).digest("hex") !== md5.toLowerCase()) {
    throw failure(file, "its hash is wrong");
  }
  let malformed = false;
  const files = Array.from(
    untar(unzipped(file, body), {
      budget: new Budget({
        messageOctets: MAX_SOURCE_OCTETS,
        depth: 1,
        files: 10_000,
        octets: MAX_SOURCE_OCTETS,
        ratio: 1000,
        timeMs: 600_000,
      }),
      names: [],
      tools: {},
      passwords: new Passwords(),
      note: () => malformed = true,
    }),
    ({ names, content, notScanned }): SourceFile => {
      malformed ||= notScanned !== undefined;
      return { name: names[0] ?? "", octets: content ?? new Uint8Array() };
    },
  );
  if (malformed) throw failure(file, "its tar is damaged");
  const date = /^\d{1,11}$/.test(seconds) ? { date: Number(seconds) * 1000 } : {};
  return { version, ...date, files };
}

function unzipped(file: string, body: Uint8Array): Uint8Array {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return gunzipSync(body, { maxOutputLength: MAX_SOURCE_OCTETS });
  } catch (cause) {
    throw failure(file, "it does not unpack", cause);
  }
}

function failure(file: string, detail: string, cause?: unknown): PosternError {
  return new PosternError("module/source", `Cannot open the database ${file}: ${detail}`, {
    cause,
  });
}
