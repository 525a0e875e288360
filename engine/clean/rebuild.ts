/**
 * Writes an archive anew without some of its entries. Only archives that every program reads the same way are written: what
 * stays is copied with its own octets and headers, and anything odd makes the archive one that cannot be rebuilt.
 */
import { createHash } from "node:crypto";
import type { Budget } from "../budget.ts";
import { fileType } from "../detect/file_type.ts";
import { rebuildGzip } from "./gzip.ts";
import { MAX_KEPT_NAME, MAX_REBUILD_DEPTH } from "./limits.ts";
import { isRebuildable, REBUILDABLE_TYPES } from "./plan.ts";
import { rebuildTar } from "./tar.ts";
import { rebuildZip } from "./zip.ts";

/** What becomes of the content of one entry. */
export type EntryFate =
  | { readonly fate: "keep" }
  | { readonly fate: "remove" }
  | { readonly fate: "replace"; readonly content: Uint8Array };

/** What a format's rebuilder asks and uses. */
export interface Rebuild {
  readonly budget: Budget;
  /** The text file that stands for a removed entry. */
  readonly notice: Uint8Array;
  /** Decides about an entry by its content. */
  fate(content: Uint8Array): EntryFate;
}

/**
 * What a format's rebuilder gives: the new octets; `remove` where nothing of it is to stay (a compressed single file);
 * undefined where it cannot be rebuilt.
 */
export type Rebuilt = Uint8Array | "remove" | undefined;

type Rebuilder = (octets: Uint8Array, rebuild: Rebuild) => Rebuilt;

const REBUILDERS: Readonly<Record<(typeof REBUILDABLE_TYPES)[number], Rebuilder>> = {
  zip: rebuildZip,
  tar: rebuildTar,
  gzip: rebuildGzip,
};

function rebuilderFor(type: string): Rebuilder | undefined {
  const known = REBUILDABLE_TYPES.find((one) => one === type);
  return known === undefined ? undefined : REBUILDERS[known];
}

/**
 * Takes entries out of an archive, at whatever level they lie.
 *
 * @param entries SHA-256 of the contents that go, lower-case hex.
 * @param notice Text of the files that stand in their places.
 * @returns The new archive; undefined where it, or one inside it that must change, cannot be rebuilt, where an entry was not
 * found, or where nothing would be left.
 */
export function withoutEntries(
  octets: Uint8Array,
  entries: ReadonlySet<string>,
  notice: string,
  budget: Budget,
): Uint8Array | undefined {
  const found = new Set<string>();
  const text = new TextEncoder().encode(notice);
  let failed = false;
  const open = (archive: Uint8Array, depth: number): Rebuilt => {
    const rebuilder = rebuilderFor(fileType(archive));
    return rebuilder?.(archive, { budget, notice: text, fate: (content) => fate(content, depth) });
  };
  const fate = (content: Uint8Array, depth: number): EntryFate => {
    const hash = createHash("sha256").update(content).digest("hex");
    if (entries.has(hash)) {
      found.add(hash);
      return { fate: "remove" };
    }
    if (depth >= MAX_REBUILD_DEPTH || !isRebuildable(fileType(content))) return { fate: "keep" };
    const before = found.size;
    const rebuilt = open(content, depth + 1);
    if (rebuilt === undefined && found.size > before) failed = true;
    if (rebuilt === undefined || rebuilt === content) return { fate: "keep" };
    return rebuilt === "remove" ? { fate: "remove" } : { fate: "replace", content: rebuilt };
  };
  const rebuilt = open(octets, 1);
  if (failed || found.size < entries.size || !(rebuilt instanceof Uint8Array)) return undefined;
  return budget.breaches.length > 0 ? undefined : rebuilt;
}

/** Name of the text file that stands for a removed entry: in the same folder, nothing in it that a system or reader would act on. */
export function noticeName(name: string): string {
  const safe = name.replace(/\\/g, "/").split("/")
    .map((piece) =>
      piece.replace(/[^\p{L}\p{M}\p{N} ._()+,=@-]/gu, "_").replace(/^[.\s]+|[.\s]+$/g, "")
    )
    .filter((piece) => piece !== "").join("/");
  const kept = safe.length > MAX_KEPT_NAME ? [...safe].slice(-MAX_KEPT_NAME).join("") : safe;
  return `${kept.toWellFormed().replace(/^[/.\s]+/, "") || "entry"}.removed.txt`;
}
