/** Opens with 7-Zip what no reader here opens. */
import type { NotScannedReason } from "../../types.ts";
import { limitReason, outputLimit } from "../bounds.ts";
import type { Entry, UnpackContext } from "../unpacker.ts";
import { fittingPassword } from "../passwords.ts";
import { otherTrees } from "./disc_trees.ts";
import type { Input } from "./files.ts";
import { isQuickRar } from "./key_work.ts";
import { type Complaints, readComplaints, readListing } from "./listing.ts";
import type { SevenZipTool, ToolRun } from "./sevenzip_tool.ts";

/** Files that are in memory at once, octets; what goes over it is unpacked in another run. */
const BATCH_OCTETS = 32 << 20;

/** Opens an image of a disc: all trees of files that a reader may choose from. */
export function* undisc(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  yield* unforeign(octets, context);
  for (const image of otherTrees(octets)) {
    if (!context.tools.sevenZip || !context.budget.time()) return;
    for (const entry of unforeign(image, context)) yield { ...entry, again: true };
  }
}

/**
 * Opens a container, also one that is encrypted if a password fits.
 *
 * @param encrypted What lists the entries is known to be encrypted: with a wrong password it is noise, on which the tool fails.
 */
export function* unforeign(
  octets: Uint8Array,
  context: UnpackContext,
  encrypted = false,
): Generator<Entry> {
  const { budget, tools, volumes } = context;
  const tool = tools.sevenZip;
  const input = volumes ?? octets;
  if (!tool) return context.note("unsupported");
  const pieces = volumes?.map((volume) => volume.octets) ?? [octets];
  if (!pieces.every(isQuickRar)) return context.note("encrypted");
  const limits = {
    octets: outputLimit(budget, octets.length),
    kept: BATCH_OCTETS,
    files: budget.limits.files,
  };
  const there = new Map<string, number>();
  let password: string | undefined;
  for (let skip = 0;;) {
    let run = tool.unpack(input, { ...limits, skip }, budget, password);
    let complaints = complaintsOf(run, encrypted);
    if (complaints.password && password === undefined) {
      password = fitting((candidate) => {
        const again = tool.unpack(input, { ...limits, skip }, budget, candidate);
        const said = complaintsOf(again, encrypted);
        const better = isBetter(again, said, complaints);
        if (better) [run, complaints] = [again, said];
        return { better, locked: said.locked.size };
      }, context) ?? "";
    }
    const reason = reasonOf(run, complaints, octets, context);
    for (const { path, octets: content, whole } of run.files.written) {
      // what a wrong password gives is noise, and a file that could not be read has no octets
      if (complaints.locked.has(path) || (content.length === 0 && reason !== undefined)) continue;
      there.set(path, (there.get(path) ?? 0) + 1);
      budget.unpacked(content.length);
      const cut = whole || reason === undefined ? {} : { notScanned: reason };
      yield { names: [path], content, ...cut, ...(password ? { encrypted: true } : {}) };
    }
    if (run.stopped === "full" && budget.time()) {
      skip = run.files.begun - 1;
      continue;
    }
    if (reason !== undefined) {
      yield* missing(tool, input, { there, reason, password: password ?? "" }, context);
    }
    // a volume that the program did not ask for is none of this set, and is read by itself
    for (const { name, octets: content } of volumes ?? []) {
      if (!run.files.opened.has(name)) yield { names: [], content };
    }
    return;
  }
}

function complaintsOf({ files, stopped }: ToolRun, encrypted: boolean): Complaints {
  const complaints = readComplaints(files.text);
  return encrypted && stopped === "failed" ? { ...complaints, password: true } : complaints;
}

/** Whether a password opens more than was open before. */
function isBetter({ stopped }: ToolRun, now: Complaints, before: Complaints): boolean {
  if (stopped !== undefined && stopped !== "full" && stopped !== "octets") return false;
  return !now.password || (now.locked.size > 0 && now.locked.size < before.locked.size);
}

/**
 * Tries passwords until one opens everything.
 *
 * @returns The last that opened something.
 */
function fitting(
  open: (password: string) => { readonly better: boolean; readonly locked: number },
  context: UnpackContext,
): string | undefined {
  let found: string | undefined;
  fittingPassword(context, [], (candidate) => {
    const { better, locked } = open(candidate);
    if (!better) return undefined;
    context.passwords.fits(candidate);
    found = candidate;
    return locked === 0 ? candidate : undefined;
  });
  return found;
}

/** Why a run did not give everything. */
function reasonOf(
  { status, stopped, starved }: ToolRun,
  { harmless, password, unsupported }: Complaints,
  octets: Uint8Array,
  { budget }: UnpackContext,
): NotScannedReason | undefined {
  if (stopped === "full") return undefined;
  if (stopped === "octets") return limitReason(budget, octets.length);
  if (stopped === "files" || stopped === "text") return "files";
  if (stopped === "time") return "time";
  // 1 is a warning: octets behind the container, which are looked at like any others
  if (status === 0 || status === 1) return undefined;
  if (harmless) return undefined;
  if (password) return "encrypted";
  if (starved) return "memory";
  return unsupported ? "unsupported" : "malformed";
}

/** What came out, and why not all did. */
interface Outcome {
  readonly there: Map<string, number>;
  readonly reason: NotScannedReason;
  readonly password: string;
}

/** Entries that are listed and did not come out; where there are none, the container itself is what was not read. */
function* missing(
  tool: SevenZipTool,
  input: Input,
  { there, reason, password }: Outcome,
  context: UnpackContext,
): Generator<Entry> {
  const { budget } = context;
  const { text } = tool.list(input, budget, password).files;
  let told = 0;
  for (const { path, size, encrypted, isFolder } of readListing(text, budget.limits.files)) {
    const count = there.get(path) ?? 0;
    there.set(path, count - 1);
    if (isFolder || count > 0 || (size === 0 && !encrypted)) continue;
    told++;
    const notScanned = encrypted ? "encrypted" : reason;
    budget.breach(notScanned);
    yield { names: [path], size, notScanned, ...(encrypted ? { encrypted: true } : {}) };
  }
  if (told === 0) context.note(reason);
}
