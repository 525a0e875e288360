/**
 * Lists of hashes: ClamAV's of whole files (`hash:size:name`) and of sections of programs (`size:hash:name`), and plain lists (one
 * hash a line, what follows it is its name).
 *
 * @see ClamAV documentation, "Hash signatures"
 */
import { readLevels } from "../clamav_types.ts";
import type { HashRow } from "../hash_list_builder.ts";
import { findingName } from "./lines.ts";

const DIGEST = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i;
const MAX_SIZE = 0xfffffffe;

function hashRow(
  digest: string,
  size: string,
  name: string,
  levels: readonly (string | undefined)[],
): HashRow | string {
  if (!DIGEST.test(digest)) return "a hash that is not MD5, SHA-1 or SHA-256 in hex";
  const other = readLevels(levels[0], levels[1]);
  if (other !== undefined) return other;
  if (size === "*") return { name: findingName(name), digest };
  const octets = /^\d{1,10}$/.test(size) ? Number(size) : Infinity;
  if (octets > MAX_SIZE) return "a size that is neither a number of octets nor *";
  return { name: findingName(name), digest, size: octets };
}

/** Reads a line of .hdb, .hsb, .hdu, .hsu, .fp, .sfp; a few words where it cannot be used. */
export function parseHashLine(line: string): HashRow | string {
  const [digest = "", size = "", name = "", ...levels] = line.split(":");
  return hashRow(digest, size, name, levels);
}

/** Reads a line of .mdb, .msb, .mdu, .msu; a few words where it cannot be used. */
export function parseSectionLine(line: string): HashRow | string {
  const [size = "", digest = "", name = "", ...levels] = line.split(":");
  return hashRow(digest, size, name, levels);
}

/** Reads a line of a plain list, as `sha256sum` and collections of samples write them. */
export function parsePlainLine(line: string): HashRow | string {
  const [, digest = "", rest = ""] = /^([0-9a-f]+)(?:$|[\s,;:*]+)(.*)$/i.exec(line) ?? [];
  if (!DIGEST.test(digest)) return "a hash that is not MD5, SHA-1 or SHA-256 in hex";
  return { digest, name: findingName(rest.trim() || `Listed.${digest.toLowerCase()}`) };
}
