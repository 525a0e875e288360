/** Opens with 7-Zip what no reader here opens. */
import type { NotScannedReason } from "../../types.ts";
import { limitReason, outputLimit } from "../bounds.ts";
import type { Entry, UnpackContext } from "../unpacker.ts";
import { type ListedEntry, readComplaints, readListing } from "./listing.ts";
import type { SevenZipTool, ToolRun } from "./sevenzip_tool.ts";

/** Files that are in memory at once, octets; what goes over it is unpacked in another run. */
const BATCH_OCTETS = 32 << 20;

/** Opens a container; what is encrypted stays closed. */
export function* unforeign(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget, tools } = context;
  const tool = tools.sevenZip;
  if (!tool) return context.note("unsupported");
  const limit = outputLimit(budget, octets.length);
  const there = new Map<string, number>();
  let skip = 0;
  for (;;) {
    const limits = { octets: limit, kept: BATCH_OCTETS, files: budget.limits.files, skip };
    const run = tool.unpack(octets, limits, budget);
    const reason = reasonOf(run, octets, context);
    for (const { path, octets: content, whole } of run.files.written) {
      // a file that could not be read is there without its octets
      if (content.length === 0 && reason !== undefined) continue;
      there.set(path, (there.get(path) ?? 0) + 1);
      budget.unpacked(content.length);
      yield {
        names: [path],
        content,
        ...(whole || reason === undefined ? {} : { notScanned: reason }),
      };
    }
    if (run.stopped === "full" && budget.time()) {
      skip = run.files.begun - 1;
      continue;
    }
    if (reason !== undefined) yield* missing(tool, octets, there, reason, context);
    return;
  }
}

/** Why a run did not give everything. */
function reasonOf(
  { status, stopped, starved, files }: ToolRun,
  octets: Uint8Array,
  { budget }: UnpackContext,
): NotScannedReason | undefined {
  if (stopped === "full") return undefined;
  if (stopped === "octets") return limitReason(budget, octets.length);
  if (stopped === "files" || stopped === "text") return "files";
  if (stopped === "time") return "time";
  if (status === 0) return undefined;
  const { password, unsupported, unknown } = readComplaints(files.text);
  if (password) return "encrypted";
  if (starved) return "memory";
  if (unsupported) return "unsupported";
  if (unknown && files.begun === 0) return "malformed";
  return "malformed";
}

/** Entries that are listed and did not come out; where nothing is, the container itself is what was not read. */
function* missing(
  tool: SevenZipTool,
  octets: Uint8Array,
  there: Map<string, number>,
  reason: NotScannedReason,
  context: UnpackContext,
): Generator<Entry> {
  context.budget.breach(reason);
  let told = 0;
  for (const { path, size, encrypted, isFolder } of listed(tool, octets, context)) {
    const count = there.get(path) ?? 0;
    there.set(path, count - 1);
    if (isFolder || count > 0 || (size === 0 && !encrypted)) continue;
    told++;
    yield {
      names: [path],
      size,
      notScanned: encrypted ? "encrypted" : reason,
      ...(encrypted ? { encrypted: true } : {}),
    };
  }
  if (told === 0) context.note(reason);
}

function listed(
  tool: SevenZipTool,
  octets: Uint8Array,
  { budget }: UnpackContext,
): readonly ListedEntry[] {
  return readListing(tool.list(octets, budget).files.text, budget.limits.files);
}
