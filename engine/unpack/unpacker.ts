/** What an unpacker is: octets in, entries out, one after the other, nothing kept. */
import type { Budget } from "../budget.ts";
import type { HeuristicName } from "../detect/heuristic_table.ts";
import type { NotScannedReason } from "../types.ts";
import type { Passwords } from "./passwords.ts";
import type { SevenZipTool } from "./foreign/sevenzip_tool.ts";
import type { NamedOctets } from "./volumes.ts";

/** What the engine uses that it cannot carry in itself; made once by whoever starts it. */
export interface Tools {
  /** Without it, the containers that only it opens are `unsupported`. */
  readonly sevenZip?: SevenZipTool;
}

/** One thing found in a container. */
export interface Entry {
  /** Every name that a reader would show, likeliest first; empty when the format has none. */
  readonly names: readonly string[];
  /** Unpacked octets: all of them, or what could be read. Absent when nothing could. */
  readonly content?: Uint8Array;
  /** Unpacked size that the container claims; only for entries without content. */
  readonly size?: number;
  readonly encrypted?: boolean;
  /** Octets of the entry in the container, where it says so. */
  readonly packedSize?: number;
  /** One of the many small pieces of a document: looked at, but listed only if something comes of it, and not counted as a file. */
  readonly quiet?: boolean;
  /** The same text once more, made plain: it is not opened again. */
  readonly isText?: boolean;
  /** It may have come out before, of another entry: where it did, it is not listed again. */
  readonly again?: boolean;
  /** Source text of a macro. */
  readonly macro?: boolean;
  /** Why the content is missing or not whole. */
  readonly notScanned?: NotScannedReason;
}

/** What an unpacker may use, and where it says what went wrong with the container itself. */
export interface UnpackContext {
  readonly budget: Budget;
  readonly tools: Tools;
  /** Tried on what is encrypted. */
  readonly passwords: Passwords;
  /** Names of the container, likeliest first: single-file formats name their entry after them. */
  readonly names: readonly string[];
  /** The container as the volumes that it came in, where each of them has headers of its own. */
  readonly volumes?: readonly NamedOctets[];
  /** It lies in something else, and may be no more than what looks like its beginning. */
  readonly embedded?: boolean;
  /** It lies in the middle of what packs its own files: what cannot be read of it may be pieces of one of them, and no defect. */
  readonly amid?: boolean;
  /** The container as a whole could not be read to its end. */
  note(reason: NotScannedReason): void;
  /** The container as a whole does what good ones hardly do. */
  suspect?(name: HeuristicName): void;
}

/**
 * Opens one format. Never throws on any octets; yields each entry as it is unpacked so that it can be scanned and forgotten.
 * Output octets are charged to the budget by the unpacker ({@link Budget.unpacked}); entries are counted by the walk.
 */
export type Unpacker = (octets: Uint8Array, context: UnpackContext) => Iterable<Entry>;
